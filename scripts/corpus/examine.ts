// Every device tree command over one tree, with dtc as the witness of what is in it.

import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What is not as it has to be. */
export interface Fault {
  readonly kind: "crash" | "round trip";
  /** One line. */
  readonly what: string;
}

export interface Finding {
  readonly check: string;
  /** As dtcheck prints it. */
  readonly line: string;
}

export interface Examined {
  readonly faults: readonly Fault[];
  /** Commands that would not, with their reasons. */
  readonly refusals: readonly string[];
  readonly findings: readonly Finding[];
  /** Of a cpu, for all commands of ours. */
  readonly seconds: number;
}

interface Run {
  readonly code: number | null;
  readonly out: Buffer;
  /** One character for each byte. */
  readonly err: string;
}

/** Of the longest command. */
const PATIENCE_S = 60;
/** Where the next kernel's tree is to lie; any place will do. */
const ADDRESS = "0x10000000";

/** What dtdump says of a name that dtc has no way to write. */
const UNREADABLE = "dtc cannot read this name";

/** What a command says of itself: done, wrong input, wrong words. Differences and findings are 1 too. */
const ORDERLY: readonly (number | null)[] = [0, 1, 2];

/** @param command the words before a command of ours */
export async function examine(blob: string, command: readonly string[], folder: string): Promise<Examined> {
  const examiner = new Examiner(command, folder);
  await copyFile(blob, examiner.in("tree"));
  await examiner.examine();
  return examiner;
}

class Examiner implements Examined {
  readonly faults: Fault[] = [];
  readonly refusals: string[] = [];
  readonly findings: Finding[] = [];
  seconds = 0;

  constructor(
    readonly command: readonly string[],
    readonly folder: string,
  ) {}

  in(name: string): string {
    return join(this.folder, name);
  }

  async examine(): Promise<void> {
    const source = await this.#made("dtdump", "tree");
    if (source === undefined) return this.#expectRefusals();
    const original = await this.#sorted("tree");
    if (original === undefined) this.refusals.push("dtc: cannot read the blob");
    await this.#compile("dtdump", source, original);
    await this.#compile("dtdump --annotate", await this.#made("dtdump", "--annotate", "tree"), original);
    const json = await this.#made("dtdump", "--json", "tree");
    if (json !== undefined && !isJson(json.out)) this.#wrong("dtdump --json: no JSON");
    if ((await this.#made("dtedit", "tree", "copy")) !== undefined) {
      await this.#compare("dtedit", "copy", original);
      await this.#expectNoDifference("copy");
    }
    if ((await this.#made("dtedit", "-O", "dir", "tree", "dir")) !== undefined) {
      if ((await this.#made("dtedit", "dir", "copy-of-dir")) !== undefined)
        await this.#compare("dtedit of the directory", "copy-of-dir", withoutReserveMap(original));
      await this.#handOver();
    }
    await this.#look();
  }

  /** What one command cannot read, none can. */
  async #expectRefusals(): Promise<void> {
    for (const words of [
      ["dtdump", "--json", "tree"],
      ["dtedit", "tree", "copy"],
      ["dtdiff", "tree", "tree"],
      ["dtcheck", "tree"],
      ["fs2dt", "-b", ADDRESS, "tree"],
    ]) {
      const { code } = await this.#run(...words);
      if (code === 0) this.#wrong(`${words[0]}: takes what dtdump refuses`);
    }
  }

  /** What dtc makes of a source is the tree. */
  async #compile(name: string, source: Run | undefined, original: string | undefined): Promise<void> {
    if (source === undefined) return;
    await writeFile(this.in("source"), source.out);
    if ((await this.#dtc("-I", "dts", "-O", "dtb", "-o", "compiled", "source")) !== undefined)
      await this.#compare(name, "compiled", original);
    else if (source.err.includes(UNREADABLE)) this.refusals.push(`dtc: has names that it cannot read`);
    else this.#wrong(`${name}: dtc cannot compile it`);
  }

  async #compare(name: string, blob: string, expected: string | undefined): Promise<void> {
    if (expected === undefined) return;
    const found = await this.#sorted(blob);
    if (found !== expected && withoutReserveMap(found) !== expected) this.#wrong(`${name}: another tree`);
  }

  async #expectNoDifference(copy: string): Promise<void> {
    for (const options of [[], ["--patch"]]) {
      const { code, out } = await this.#run("dtdiff", ...options, "tree", copy);
      if (code !== 0 || out.length > 0) this.#wrong(`${["dtdiff", ...options].join(" ")}: a copy differs`);
    }
  }

  /** What fs2dt makes of the blob is what it makes of the directory, and a patch leads back from there. */
  async #handOver(): Promise<void> {
    const next = await this.#made("fs2dt", "-b", ADDRESS, "tree");
    const ofDirectory = await this.#made("fs2dt", "-b", ADDRESS, "dir");
    if ((next === undefined) !== (ofDirectory === undefined)) this.#wrong("fs2dt: takes the tree in one form only");
    if (next === undefined || ofDirectory === undefined) return;
    await writeFile(this.in("next"), next.out);
    await writeFile(this.in("next-of-dir"), ofDirectory.out);
    const [first, second] = [await this.#sorted("next"), await this.#sorted("next-of-dir")];
    if (withoutSeeds(first) !== withoutSeeds(second)) this.#wrong("fs2dt: another tree of the directory");
    const patch = await this.#run("dtdiff", "--patch", "next", "tree");
    await writeFile(this.in("edits"), patch.out);
    if ((await this.#made("dtedit", "--from", "edits", "next", "back")) !== undefined)
      await this.#expectNoDifference("back");
  }

  async #look(): Promise<void> {
    const { out } = await this.#run("dtcheck", "tree");
    for (const line of out.toString("latin1").split("\n")) {
      const check = /\[([a-z-]+)\]$/.exec(line)?.[1];
      if (check !== undefined) this.findings.push({ check, line });
    }
  }

  #wrong(what: string): void {
    this.faults.push({ kind: "round trip", what });
  }

  /** Undefined where the command would not. */
  async #made(...words: readonly string[]): Promise<Run | undefined> {
    const run = await this.#run(...words);
    if (run.code !== 0 && ORDERLY.includes(run.code)) this.refusals.push(lastLine(run.err));
    return run.code === 0 ? run : undefined;
  }

  async #run(...words: readonly string[]): Promise<Run> {
    const child = Bun.spawn([...this.command, ...words], {
      cwd: this.folder,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: 1000 * PATIENCE_S,
      killSignal: "SIGKILL",
    });
    const [out, err] = await Promise.all([new Response(child.stdout).bytes(), new Response(child.stderr).bytes()]);
    await child.exited;
    const used = child.resourceUsage()?.cpuTime.total ?? 0n;
    this.seconds += Number(used) / 1e6;
    const run = { code: child.exitCode, out: Buffer.from(out), err: Buffer.from(err).toString("latin1") };
    const name = words.filter((word) => /^(?:-|dt|fs)/.test(word)).join(" ");
    const how = child.signalCode === null ? `exit code ${run.code}` : child.signalCode;
    if (!ORDERLY.includes(run.code)) this.faults.push({ kind: "crash", what: `${name}: ${how}; ${lastLine(run.err)}` });
    return run;
  }

  /** What dtc says of a blob, nodes and properties in order; undefined where it cannot read it. */
  async #sorted(blob: string): Promise<string | undefined> {
    return (await this.#dtc("-s", "-I", "dtb", "-O", "dts", blob))?.toString("latin1");
  }

  async #dtc(...words: readonly string[]): Promise<Buffer | undefined> {
    const child = Bun.spawn(["dtc", "-q", "-q", "-f", ...words], {
      cwd: this.folder,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    const out = await new Response(child.stdout).bytes();
    return (await child.exited) === 0 ? Buffer.from(out) : undefined;
  }
}

function isJson(text: Buffer): boolean {
  try {
    JSON.parse(text.toString("latin1"));
    return true;
  } catch {
    return false;
  }
}

/** A directory has none. */
function withoutReserveMap(source: string | undefined): string | undefined {
  return source?.replace(/^\/memreserve\/.*\n/gm, "");
}

/** fs2dt makes others each time. */
function withoutSeeds(source: string | undefined): string | undefined {
  return withoutReserveMap(source)?.replace(/^\t+(?:kaslr|rng)-seed = .*\n/gm, "");
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
