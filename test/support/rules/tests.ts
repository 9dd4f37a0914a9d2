// The tests of rules that no kernel checks: loadem refuses what breaks one, --no-checks loads it as told, and then the
// machine ends as predicted. With all rules kept it comes up.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { SECOND_INIT } from "../../../scripts/boot/scene.ts";
import { temporaryFolder } from "../folder.ts";
import { withoutPlace } from "../loading.ts";
import { present } from "../present.ts";
import type { Broken, World } from "./broken.ts";
import { type Jump, RuleScene } from "./scene.ts";

/** Milliseconds. */
const TIME_LIMIT = 600_000;

/** To be called at the top of a test file. */
export function testRules(worlds: readonly World[]): void {
  for (const world of worlds) describe(world.name, () => testWorld(world));
}

function testWorld(world: World): void {
  const disk = temporaryFolder({ lasts: "file", on: "disk" });
  const sockets = temporaryFolder({ lasts: "file" });
  let scene: RuleScene | undefined;
  let control: Jump | undefined;
  beforeAll(async () => {
    scene = await RuleScene.prepare(world, disk, sockets);
    control = await scene.jump({ how: "all rules are kept", words: () => ({}) });
  }, TIME_LIMIT);
  afterAll(() => scene?.close());

  function expectUp({ load, loaded, lines }: Jump): void {
    expect({ load, loaded }).toEqual({ load: [], loaded: "1" });
    expect(lines).toContain(SECOND_INIT);
    expect(lines.filter((line) => line.includes(present(scene).nonce))).not.toEqual([]);
  }

  test("with all rules kept the machine comes up", () => {
    const { lines } = present(control);
    expectUp(present(control));
    const ends = world.broken.flatMap(({ end }) => (end === "silence" ? [] : [end]));
    expect(lines.filter((line) => ends.some((end) => end.test(line)))).toEqual([]);
  });

  test("each broken one is refused, and nothing is loaded", async () => {
    const seen = (await present(scene).refuse()).map(({ said, loaded }, at) => {
      const { rule, how, refusal } = present(world.broken[at]);
      const isRefused = said.some((line) => line.startsWith("loadem: ") && refusal.test(withoutPlace(line)));
      const exit = said.at(-1)?.match(/\bloadem: exit [0-9]+/)?.[0];
      return { rule, how, said: isRefused ? "what is expected" : said, exit, loaded };
    });
    const expected = world.broken.map(({ rule, how }) => {
      return { rule, how, said: "what is expected", exit: "loadem: exit 1", loaded: "0" };
    });
    expect(seen).toEqual(expected);
  });

  for (const broken of world.broken) {
    test(`${broken.rule}: ${broken.how}: ${broken.end === "silence" ? "silence" : broken.end.source}`, async () => {
      const { end } = broken;
      const how = { options: "--no-checks", patience: 3 * present(control).firstLine, end };
      const jump = await present(scene).jump(broken, how);
      expect({ load: jump.load, loaded: jump.loaded }).toEqual({ load: [], loaded: "1" });
      expectEnd(broken, jump.lines);
    });
  }

  for (const sound of world.sound ?? []) {
    test(`${sound.how}: the machine comes up`, async () => expectUp(await present(scene).jump(sound)));
  }
}

function expectEnd({ end }: Broken, lines: readonly string[]): void {
  if (end === "silence") expect(lines).toEqual([]);
  // Else the console is in the failure.
  else if (!lines.some((line) => end.test(line))) expect(lines).toEqual([end.source]);
}
