// What a run of the matrix found, as programs read it: KTAP, and JUnit's XML.

import { escapeXml } from "../xml.ts";
import type { Result } from "./run.ts";

/** The first lines of KTAP (Documentation/dev-tools/ktap.rst). */
export function ktapHead(count: number): string {
  return `KTAP version 1\n1..${count}\n`;
}

/** One result, `number` from 1 on. Why it failed stands before it: diagnostic lines are of the test that follows. */
export function ktapLine({ name, passed, reason, seconds, log }: Result, number: number): string {
  const why = passed ? "" : `# ${oneLine(reason)}${log === null ? "" : `; ${log}`}\n`;
  return `${why}${passed ? "ok" : "not ok"} ${number} ${name.replaceAll("#", "")} # ${seconds.toFixed(1)} s\n`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

/** A document that CI systems show. A class is a row, a case a way. */
export function junit(results: readonly Result[]): string {
  const failed = results.filter(({ passed }) => !passed).length;
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0).toFixed(1);
  const counts = `tests="${results.length}" failures="${failed}" time="${seconds}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `<testsuite name="matrix" ${counts}>`,
    ...results.map(testCase),
    "</testsuite>",
    "</testsuites>\n",
  ].join("\n");
}

function testCase({ name, passed, reason, seconds, log }: Result): string {
  const [row = "", way = ""] = name.split(": ");
  const head = `<testcase classname="${escapeXml(row)}" name="${escapeXml(way)}" time="${seconds.toFixed(1)}"`;
  if (passed) return `${head}/>`;
  return `${head}><failure message="${escapeXml(oneLine(reason))}">${escapeXml(log ?? "")}</failure></testcase>`;
}
