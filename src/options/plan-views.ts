// How a plan is shown, by the options that every command has which loads one.

import type { Option } from "../cli/applet.ts";
import type { PlanViews } from "../recipes/show-plan.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

export const viewOptions: readonly Option[] = [
  { long: "json", help: "Print the plan as JSON on standard output, with a digest of each segment." },
  { long: "svg", value: "FILE", help: "Draw the plan into FILE, as SVG." },
];

export interface AskedViews {
  readonly json: boolean;
  readonly svg: ByteString | undefined;
  /** Whether the plan is printed on standard output. JSON then stands in its place. */
  readonly prints: boolean;
  /** Whether it is told on standard error. */
  readonly tells: boolean;
  /** One line on standard error. */
  say(line: string): void;
  /** Lines of shell that load the same: printed behind it. */
  readonly commands?: (() => readonly ByteString[]) | undefined;
}

export function chooseViews(system: System, asked: AskedViews): PlanViews {
  const { json, svg, prints, tells, say, commands } = asked;
  const ending = () => (commands === undefined ? "" : `\n${commands().join("\n")}\n`);
  const print = (text: string) => system.print(text + ending());
  const tell = (text: string) => text.trimEnd().split("\n").forEach(say);
  return {
    show: prints && !json ? print : tells ? tell : undefined,
    json: json ? (text) => system.print(text) : undefined,
    commands,
    svg,
  };
}
