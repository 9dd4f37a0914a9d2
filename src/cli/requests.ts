// What every applet answers in place of its work, unless it has an option of that name itself.

export type Request = "help" | "version";

export function parseRequest(name: string): Request | undefined {
  switch (name) {
    case "-h":
    case "--help":
      return "help";
    case "-V":
    case "--version":
      return "version";
    default:
      return undefined;
  }
}
