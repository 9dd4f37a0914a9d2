// Whether an SVG document is well-formed, as far as ours go: elements, attributes in double quotes, ASCII text.

/** What is wrong with the tags and the text of a document; undefined where nothing is. */
export function faultOf(svg: string): string | undefined {
  const open: string[] = [];
  for (const [part] of svg.matchAll(/<[^>]*>|[^<]+/g)) {
    const tag = /^<(\/?)([a-zA-Z]+)((?: [\w:-]+="[^"<&]*"|\n {2}[\w-]+="[^"<&]*")*)(\/?)>$/.exec(part);
    if (part.startsWith("<") && tag === null) return part;
    if (tag === null) {
      if (/[^\n -~]|&(?!amp;|lt;|gt;)/.test(part)) return part;
      continue;
    }
    const [, closes, name = "", , isEmpty] = tag;
    if (closes === "/" && open.pop() !== name) return part;
    if (closes === "" && isEmpty === "") open.push(name);
  }
  return open[0];
}
