// What Bun's test runner says in its JUnit report: how many tests there were, and which of them failed.

/** A test that failed. */
export interface FailedTest {
  readonly file: string;
  /** Its name, behind those of the groups that it is in. */
  readonly name: string;
  /** What it failed with; of several lines. */
  readonly message: string;
}

export interface TestReport {
  readonly total: number;
  readonly skipped: number;
  readonly failures: readonly FailedTest[];
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", apos: "'", gt: ">", lt: "<", quot: '"' };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d+)|([a-z]+));/g, (whole, code: string | undefined, name: string) =>
    code === undefined ? (ENTITIES[name] ?? whole) : String.fromCodePoint(Number(code)),
  );
}

function attributesOf(element: string): Map<string, string> {
  const pairs = element.matchAll(/ ([a-z]+)="([^"]*)"/g);
  return new Map(Array.from(pairs, ([, name = "", value = ""]) => [name, unescapeXml(value)]));
}

/** Returns undefined for what is no report, as where a run ended before its first test. */
export function readTestReport(xml: string): TestReport | undefined {
  const head = /<testsuites[^>]*>/.exec(xml)?.[0];
  if (head === undefined) return undefined;
  const counts = attributesOf(head);
  const failures: FailedTest[] = [];
  for (const [, test = "", failure = ""] of xml.matchAll(/(<testcase [^>]*[^/]>)\s*(<failure[^>]*>)/g)) {
    const of = attributesOf(test);
    // The innermost group stands first.
    const groups = (of.get("classname") ?? "").split(" > ").filter((group) => group !== "");
    failures.push({
      file: of.get("file") ?? "",
      name: [...groups.reverse(), of.get("name") ?? ""].join(" > "),
      message: (attributesOf(failure).get("message") ?? "").trim(),
    });
  }
  return { total: Number(counts.get("tests")), skipped: Number(counts.get("skipped")), failures };
}

/** The test in a line, and in those that follow what it failed with. */
export function showFailure({ file, name, message }: FailedTest): string {
  const lines = message.split("\n").filter((line) => line !== "");
  return [`failed: ${file}: ${name}`, ...lines.map((line) => `    ${line}`), ""].join("\n");
}
