// The language of init: words, quotes, pipelines, and what is no sentence in it.

import { expect, describe as group, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../src/failure.ts";
import { parseScript } from "../../src/script/parse.ts";
import { type Command, describe as written } from "../../src/script/pipeline.ts";
import { present } from "../support/present.ts";

function commandsOf(text: string): readonly (readonly string[])[] {
  return parseScript("s", text).flatMap(({ commands }) => commands);
}

function refusal(text: string): string {
  try {
    parseScript("s", text);
  } catch (error) {
    if (error instanceof Failure) return `${error.place}: ${error.fact}`;
    throw error;
  }
  return "accepted";
}

group("words", () => {
  test("are split on blanks and tabs, however many there are", () => {
    expect(commandsOf("  a \t b\tc  ")).toEqual([["a", "b", "c"]]);
  });

  test("keep blanks and signs between quotes of either kind", () => {
    expect(commandsOf(`a 'b | c' "d > e # f"`)).toEqual([["a", "b | c", "d > e # f"]]);
  });

  test("may be quoted in parts, or be empty", () => {
    expect(commandsOf(`a"b c"'d e'f '' ""`)).toEqual([["ab cd ef", "", ""]]);
  });

  test("take backslashes literally between single quotes", () => {
    expect(commandsOf(String.raw`a '\" \\ \n'`)).toEqual([["a", String.raw`\" \\ \n`]]);
  });

  test('take only \\" and \\\\ as escapes between double quotes', () => {
    expect(commandsOf(String.raw`a "\" \\ \n \'"`)).toEqual([["a", String.raw`" \ \n \'`]]);
  });

  test("take the character after a backslash outside quotes as it is", () => {
    expect(commandsOf(String.raw`a\ b \| \# \' \" \\ \n`)).toEqual([["a b", "|", "#", "'", '"', "\\", "n"]]);
  });

  test("go on in the next line after a backslash at the end of a line, also in mid-word", () => {
    expect(commandsOf("a \\\n  b c\\\nd")).toEqual([["a", "b", "cd"]]);
  });

  test("keep every byte that is not ASCII", () => {
    expect(commandsOf("a \xff\x80\xc3\xa9 '\x01\x7f'")).toEqual([["a", "\xff\x80\xc3\xa9", "\x01\x7f"]]);
  });
});

group("comments", () => {
  test("begin with # at the start of a word only", () => {
    expect(commandsOf("# all\na#b c # d\ne #")).toEqual([["a#b", "c"], ["e"]]);
  });

  test("end with their line, even after a backslash", () => {
    expect(commandsOf("# one \\\na")).toEqual([["a"]]);
  });
});

group("pipelines", () => {
  test("are one a line, and know on which line they begin", () => {
    expect(parseScript("s", "\n\na\n# c\nb \\\n c\nd")).toEqual([
      { line: 3, commands: [["a"]] },
      { line: 5, commands: [["b", "c"]] },
      { line: 7, commands: [["d"]] },
    ]);
  });

  test("need no blanks around their signs", () => {
    const spaced = parseScript("s", "a < b | c | d >> e");
    expect(parseScript("s", "a<b|c|d>>e")).toEqual(spaced);
    expect(spaced).toEqual([
      { line: 1, commands: [["a"], ["c"], ["d"]], input: "b", output: { path: "e", how: "append" } },
    ]);
  });

  test("may have their redirections anywhere in the command", () => {
    expect(parseScript("s", "< b > c a d")).toEqual([
      { line: 1, commands: [["a", "d"]], input: "b", output: { path: "c", how: "replace" } },
    ]);
  });

  test("are none in an empty script", () => {
    expect(parseScript("s", "")).toEqual([]);
    expect(parseScript("s", " \n\t\n# x\n\\\n")).toEqual([]);
  });
});

group("a line of several pipelines", () => {
  const shape = (text: string) =>
    parseScript("s", text).map(({ line, after, mayFail, commands }) => [
      line,
      after,
      mayFail,
      commands.map(([word]) => word),
    ]);

  test("is run by the end of the one before, and none by its own where a semicolon is between", () => {
    expect(shape("a && b | c || d ; e\nf;")).toEqual([
      [1, undefined, undefined, ["a"]],
      [1, "&&", undefined, ["b", "c"]],
      [1, "||", undefined, ["d"]],
      [1, undefined, undefined, ["e"]],
      [2, undefined, undefined, ["f"]],
    ]);
  });

  test("needs no blanks around its signs, and words in quotes have none", () => {
    expect(parseScript("s", "a>b;c&&d||e")).toEqual(parseScript("s", "a > b ; c && d || e"));
    const quoted = `a ';' "&&" \\; \\* '$x' "(*?)\`"`;
    expect(commandsOf(quoted)).toEqual([["a", ";", "&&", ";", "*", "$x", "(*?)`"]]);
  });

  test("may fail as a whole, up to a semicolon", () => {
    expect(shape("- a && b; c; - d")).toEqual([
      [1, undefined, true, ["a"]],
      [1, "&&", true, ["b"]],
      [1, undefined, undefined, ["c"]],
      [1, undefined, true, ["d"]],
    ]);
  });

  test("is written as it was", () => {
    expect(parseScript("s", "- a && b; c || '*' \"x;y\"").map(written)).toEqual(["- a", "&& b", "c", '|| "*" "x;y"']);
  });
});

group("a script is refused with line and column", () => {
  test.each([
    ["a\nb 'c\n'", "s:2:3: unterminated '"],
    ['a "b\\"', 's:1:3: unterminated "'],
    ['a "b\\\n"', 's:1:3: unterminated "'],
    ["a\\", "s:1:2: nothing after the backslash"],
    ["a \\\n 'b", "s:2:2: unterminated '"],
    ["| a", "s:1:1: empty command"],
    ["a | | b", "s:1:5: empty command"],
    ["a |", "s:1:4: empty command"],
    ["a | # b", "s:1:8: empty command"],
    ["> a", "s:1:4: empty command"],
    ["a <", "s:1:4: no file after <"],
    ["a > | b", "s:1:5: no file after >"],
    ["a >> > b", "s:1:6: no file after >>"],
    ["a < b < c", "s:1:7: standard input is redirected already"],
    ["a > b >> c", "s:1:7: standard output is redirected already"],
    ["a > b | c", "s:1:7: standard output is redirected already"],
    ["a | b < c", "s:1:7: standard input is the pipe already"],
    ["a 2> b", "s:1:3: no descriptor can be named before >; a blank between makes it an argument"],
    ["a 0<b", "s:1:3: no descriptor can be named before <; a blank between makes it an argument"],
    ["echo a*", "s:1:7: * means nothing here; in quotes it is text"],
    ["cat $X", "s:1:5: $ means nothing here; in quotes it is text"],
    ["a `b`", "s:1:3: ` means nothing here; in quotes it is text"],
    ["(a)", "s:1:1: ( means nothing here; in quotes it is text"],
    ["a\nb ?", "s:2:3: ? means nothing here; in quotes it is text"],
    ["a & b", "s:1:3: & means nothing here; in quotes it is text"],
    ["a &", "s:1:3: & means nothing here; in quotes it is text"],
    ["a &&", "s:1:5: empty command"],
    ["a && - b", "s:1:6: - stands at the start of a line"],
    ["&& a", "s:1:1: empty command"],
    ["a && || b", "s:1:6: empty command"],
    ["; a", "s:1:1: empty command"],
    ["a ;; b", "s:1:4: empty command"],
    ["a > && b", "s:1:5: no file after >"],
    ["a\0", "s:1:2: NUL byte"],
    ["a '\0'", "s:1:4: NUL byte"],
    ['a "\0"', "s:1:4: NUL byte"],
    ["a \\\0", "s:1:4: NUL byte"],
  ])("%j", (text, message) => {
    expect(refusal(text)).toBe(message);
  });

  test("but not where a number before a sign is meant as an argument", () => {
    expect(parseScript("s", "a 2 > b\na '2'> b\na b2> c").map(({ commands }) => commands[0])).toEqual([
      ["a", "2"],
      ["a", "2"],
      ["a", "b2"],
    ]);
  });
});

group("a line that may fail", () => {
  test("begins with - and a blank, and every other - is a word", () => {
    const pipelines = parseScript("s", "- a - | b\n '-' a\n-a\n-\n -\tc > -\n");
    expect(pipelines.map(({ mayFail = false, commands }) => [mayFail, ...commands.map(([word]) => word)])).toEqual([
      [true, "a", "b"],
      [false, "-"],
      [false, "-a"],
      [false, "-"],
      [true, "c"],
    ]);
    expect(pipelines.map(written)).toEqual(["- a - | b", '"-" a', "-a", '"-"', "- c > -"]);
    expect(refusal("- | a")).toBe("s:1:3: empty command");
    expect(refusal("a\n- # b")).toBe("s:2:6: empty command");
  });
});

group("a pipeline written out", () => {
  test("reads as it was typed where nothing needs quotes", () => {
    const typed = "fs2dt -b 0x5000100 /proc/device-tree < /x | loadem -s -a 0x6000000 > /y";
    expect(written(present(parseScript("s", typed)[0]))).toBe(typed);
  });

  test("shows bytes that are not printable ASCII as escapes", () => {
    expect(written(present(parseScript("s", "a \x1b[2J\xff")[0]))).toBe(String.raw`a \x1b[2J\xff`);
  });

  test("is read back as the same pipeline, whatever printable text is in it", () => {
    const word = fc.string({ unit: "grapheme-ascii" });
    const words = fc.array(word, { minLength: 1, maxLength: 4 });
    const command = words.map(([program, ...rest]): Command => [present(program), ...rest]);
    const pipeline = fc.record(
      {
        line: fc.constant(1),
        commands: fc.array(command, { minLength: 1, maxLength: 3 }),
        input: word,
        output: fc.record({ path: word, how: fc.constantFrom("replace" as const, "append" as const) }),
      },
      { requiredKeys: ["line", "commands"] },
    );
    fc.assert(
      fc.property(pipeline, (given) => {
        expect(parseScript("s", written(given))).toEqual([given]);
      }),
      { numRuns: 1000 },
    );
  });
});
