// Guests for rules that are broken: all go on from the moment in which the first one came to its prompt.

import { join } from "node:path";
import { type ScriptNeeds, sceneFor } from "../../../scripts/boot/scene.ts";
import { kernelsFor } from "../../../scripts/boot.ts";
import type { Guest } from "../../../scripts/guest.ts";
import { LiveGuest } from "../../../scripts/live-guest.ts";
import { STUB_SIZE } from "../../../src/kexec/stub.ts";
import { usual } from "../boots.ts";
import { initrdThat } from "../crash-kernel.ts";
import type { TemporaryFolder } from "../folder.ts";
import { present } from "../present.ts";
import { LONGEST, noEcho, run, waitForPrompt, wholeLines } from "../prompt.ts";
import { type End, lineOf, type Needs, type Sound, usualWords, type World } from "./broken.ts";

/** Milliseconds between two looks at a guest that may be dead. */
const PAUSE = 50;

const PAGE = { path: "page", content: new Uint8Array(0x1_0000).fill(1), mode: 0o644 } as const;

/** Whether what is loaded is what loadem was told, and how it went on from there. */
export interface Jump {
  /** What was said at the load, and what /sys says is loaded then. */
  readonly load: readonly string[];
  readonly loaded: string;
  /** Lines after the jump. */
  readonly lines: readonly string[];
  /** Seconds of a cpu from the jump to the first of them. */
  readonly firstLine: number;
}

export interface How {
  readonly options?: string;
  readonly patience?: number;
  readonly end?: End;
}

/** What became of a load that breaks a rule. */
export interface Refusal {
  readonly said: readonly string[];
  readonly loaded: string;
}

export class RuleScene {
  #guests = 0;
  #first: LiveGuest | undefined;
  #learned: readonly string[] = [];

  private constructor(
    readonly world: World,
    readonly needs: Needs,
    readonly nonce: string,
    readonly guest: Guest,
    readonly disk: TemporaryFolder,
    readonly sockets: TemporaryFolder,
  ) {}

  /** @param folders for images and states, and for sockets, whose paths have to be short */
  static async prepare(world: World, disk: TemporaryFolder, sockets: TemporaryFolder): Promise<RuleScene> {
    const { target } = world.choices;
    const choices = { ...usual, smp: 1, ...world.choices, interactive: true };
    const { first, next } = await kernelsFor(choices);
    const initrd = await initrdThat(next.program, world.asks ?? []);
    const files = [PAGE, ...(await noEcho(target, disk)), ...(world.files?.({ kernel: next.image, initrd }) ?? [])];
    let needs: ScriptNeeds | undefined;
    const { nonce, guest } = await sceneFor(choices, first, next, disk.path, {
      initrd,
      files,
      script: (told) => {
        needs = told;
        return "";
      },
      append: world.append ?? "",
    });
    const told = present(needs);
    const there = {
      ...told,
      bootargs: told.bootargs.replace("quiet ", ""),
      addresses: { ...world.places, tree: world.places.stub + (told.chain === undefined ? 0 : STUB_SIZE) },
    };
    const plain = { ...there, kernelSize: next.image.length, learned: [], usual: usualWords(there) };
    const usualHere = { ...plain.usual, ...world.usual?.(plain) };
    return new RuleScene(world, { ...plain, usual: usualHere }, nonce, guest, disk, sockets);
  }

  /** What loadem says to each, one after the other in one guest. */
  async refuse(): Promise<Refusal[]> {
    const live = await this.#atFirst();
    const refusals: Refusal[] = [];
    for (const { words } of this.world.broken) {
      refusals.push({ said: await run(live, this.#line(words, "")), loaded: await this.#loaded(live) });
    }
    return refusals;
  }

  /**
   * What comes of a jump with these words changed.
   * @param options of loadem
   * @param patience seconds of a cpu for the first line
   * @param end what need not be waited for
   */
  async jump({ words }: Sound, { options = "", patience = Number.POSITIVE_INFINITY, end }: How = {}): Promise<Jump> {
    const live = await this.#another();
    try {
      const load = await run(live, this.#line(words, options));
      const loaded = await this.#loaded(live);
      const start = live.text.length;
      const { cpuSeconds } = live;
      live.type(this.#jumpLine());
      // Whole ones: what is typed may be shown in pieces.
      const lines = () => wholeLines(live.text.slice(start)).filter((line) => line !== this.#jumpLine());
      while (lines().length === 0 && !live.hasEnded && live.cpuSeconds - cpuSeconds < patience) await Bun.sleep(PAUSE);
      const firstLine = live.cpuSeconds - cpuSeconds;
      if (end !== "silence")
        await live.shows(() => end !== undefined && lines().some((line) => end.test(line)), LONGEST);
      return { load, loaded, lines: lines(), firstLine };
    } finally {
      await live.end();
    }
  }

  async close(): Promise<void> {
    await this.#first?.end();
  }

  #line(words: Sound["words"], options: string): string {
    const needs = { ...this.needs, learned: this.#learned };
    return lineOf({ ...needs.usual, ...words(needs) }, needs, `${this.world.crash === true ? "-p " : ""}${options}`);
  }

  #jumpLine(): string {
    return this.world.crash === true ? "echo c > /proc/sysrq-trigger" : "loadem -k";
  }

  async #loaded(live: LiveGuest): Promise<string> {
    const name = this.world.crash === true ? "kexec_crash_loaded" : "kexec_loaded";
    return (await run(live, `cat /sys/kernel/${name}`)).join("\n");
  }

  /** The one whose state the others have; where none can, the one that jumps next. */
  async #atFirst(): Promise<LiveGuest> {
    if (this.#first !== undefined) return this.#first;
    this.#first = await this.#begin();
    if (this.world.isUnkept !== true) await this.#first.keep(this.#state());
    return this.#first;
  }

  async #another(): Promise<LiveGuest> {
    if (this.world.isUnkept === true) {
      const live = this.#first ?? (await this.#begin());
      this.#first = undefined;
      return live;
    }
    await this.#atFirst();
    return this.#start(this.#state());
  }

  async #begin(): Promise<LiveGuest> {
    const live = await this.#start();
    try {
      await waitForPrompt(live, 0);
      for (const line of [...(this.guest.machine === "ppc64" ? ["noecho"] : []), ...(this.world.first ?? [])]) {
        const said = await run(live, line);
        if (said.length > 0) throw new Error(`${line}: ${said.join("; ")}`);
      }
      if (this.world.learns !== undefined) this.#learned = await run(live, this.world.learns);
      return live;
    } catch (error) {
      await live.end();
      throw error;
    }
  }

  #state(): string {
    return join(this.disk.path, "state");
  }

  #start(state?: string): Promise<LiveGuest> {
    this.#guests += 1;
    const monitor = this.sockets.in(`${this.#guests}`);
    return LiveGuest.start(this.guest, { monitor, ...(state === undefined ? {} : { state }) });
  }
}
