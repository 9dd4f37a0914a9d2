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
  /** What is printed behind it. */
  readonly ending?: () => string;
}

export function chooseViews(system: System, { json, svg, prints, tells, say, ending }: AskedViews): PlanViews {
  const print = (text: string) => system.print(text + (ending === undefined ? "" : ending()));
  const tell = (text: string) => text.trimEnd().split("\n").forEach(say);
  return {
    show: prints && !json ? print : tells ? tell : undefined,
    json: json ? (text) => system.print(text) : undefined,
    svg,
  };
}
