// The cache of slow results, and the temporary folders in it.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, inTemporaryFolder, makeOnce } from "../../scripts/cache.ts";
import { temporaryFolder } from "../support/folder.ts";

const SCRIPTS = join(import.meta.dir, "../../scripts");
const before = process.env.XDG_CACHE_HOME;
const home = temporaryFolder();

beforeEach(() => {
  process.env.XDG_CACHE_HOME = home.path;
});

afterEach(() => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
});

function temporaries(): string[] {
  const folder = join(cacheFolder(), "tmp");
  return existsSync(folder) ? readdirSync(folder) : [];
}

function writing(text: string): (folder: string) => Promise<void> {
  return async (folder) => writeFileSync(join(folder, "file"), text);
}

test("an entry is made once and found the second time", async () => {
  const first = await makeOnce("kind", ["input"], writing("first"));
  const second = await makeOnce("kind", ["input"], () => Promise.reject(new Error("made again")));
  expect(second).toBe(first);
  expect(readFileSync(join(second, "file"), "utf8")).toBe("first");
  expect(temporaries()).toEqual([]);
});

test("inputs that differ have different entries, also when a byte only moves to the next input", async () => {
  const inputs = [["ab", "c"], ["a", "bc"], ["abc"], ["ab", "c", ""]];
  const entries = await Promise.all(inputs.map((input) => makeOnce("kind", input, writing(""))));
  expect(new Set(entries).size).toBe(inputs.length);
});

test("a failure while an entry is made leaves no entry and no temporary folder", async () => {
  const failing = makeOnce("kind", ["input"], async (folder) => {
    await writing("half")(folder);
    throw new Error("on purpose");
  });
  expect(failing).rejects.toThrow("on purpose");
  await failing.catch(() => {});
  expect(temporaries()).toEqual([]);
  const entry = await makeOnce("kind", ["input"], writing("whole"));
  expect(readFileSync(join(entry, "file"), "utf8")).toBe("whole");
});

test("of two that want the same entry at once, one makes it and the other waits", async () => {
  let started = 0;
  const make = async (folder: string): Promise<void> => {
    started++;
    await Bun.sleep(50);
    await writing("whole")(folder);
  };
  const entries = await Promise.all([makeOnce("kind", ["input"], make), makeOnce("kind", ["input"], make)]);
  expect(started).toBe(1);
  expect(entries[0]).toBe(entries[1]);
  expect(readdirSync(entries[0])).toEqual(["file"]);
  expect(temporaries()).toEqual([]);
});

test("another process waits too, and makes the entry itself where the first one is killed", async () => {
  const program = `
    import { makeOnce } from "${SCRIPTS}/cache.ts";
    await makeOnce("kind", ["input"], async () => { console.log("started"); await Bun.sleep(60_000); });`;
  const child = Bun.spawn([process.execPath, "-e", program], { env: { ...process.env }, stdout: "pipe" });
  await child.stdout.getReader().read();
  const waiting = makeOnce("kind", ["input"], writing("second"));
  expect(await Promise.race([waiting, Bun.sleep(200).then(() => "waiting")])).toBe("waiting");
  child.kill("SIGKILL");
  expect(readFileSync(join(await waiting, "file"), "utf8")).toBe("second");
});

test("temporary folders of dead processes are swept, of living ones and other containers kept", async () => {
  const dead = Bun.spawnSync(["true"]).pid;
  const mine = await inTemporaryFolder(async (folder) => folder.split("/").at(-1)?.split("-") ?? []);
  const [namespace = "", pid = "", started = ""] = mine;
  const folders = {
    gone: `${namespace}-${dead}-12345-a`,
    pidUsedAgain: `${namespace}-${pid}-${Number(started) - 1}-b`,
    living: `${namespace}-${pid}-${started}-c`,
    elsewhere: `1-${dead}-12345-d`,
  };
  for (const name of Object.values(folders)) mkdirSync(join(cacheFolder(), "tmp", name, "some"), { recursive: true });
  await makeOnce("kind", ["input"], writing(""));
  expect(temporaries().sort()).toEqual([folders.elsewhere, folders.living].sort());
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`${signal} kills the program that makes an entry and removes the temporary folder`, async () => {
    const program = `
      import { makeOnce } from "${SCRIPTS}/cache.ts";
      import { runTool } from "${SCRIPTS}/tool.ts";
      await makeOnce("kind", ["input"], async (folder) => {
        const onLine = (pid) => console.log(pid);
        await runTool(["sh", "-c", 'sleep 60 & echo $$; wait'], { cwd: folder, onLine });
      });`;
    const child = Bun.spawn([process.execPath, "-e", program], {
      env: { ...process.env },
      stdout: "pipe",
      stderr: "inherit",
    });
    const reader = child.stdout.getReader();
    const group = Number(new TextDecoder().decode((await reader.read()).value));
    expect(temporaries().length).toBe(1);
    child.kill(signal);
    expect(await child.exited).toBe(code);
    expect(temporaries()).toEqual([]);
    expect(existsSync(join(cacheFolder(), "kind"))).toBe(false);
    // A killed process may take a moment to go; one that was not killed sleeps until this test has run out of
    // time.
    while (livingMembersOf(group).length > 0) await Bun.sleep(10);
  });
}

/** Processes of a group that still run; zombies, which only wait to be reaped, do not count. */
function livingMembersOf(group: number): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      const [state, , processGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(processGroup) === group && state !== "Z" && state !== "X";
    } catch {
      return false;
    }
  });
}
