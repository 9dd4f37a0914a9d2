// The most memory that each of some commands has had at a time: of a small process, since a new one inherits the peak of
// whoever started it.
//
// argv[2]: a list of commands as JSON. Prints a list of { code, err, peak } with bytes.

const [, , given = "[]"] = process.argv;
const commands: string[][] = JSON.parse(given);
const found = commands.map((command) => {
  const { exitCode, stderr, resourceUsage } = Bun.spawnSync(command, { stdout: "ignore", stderr: "pipe" });
  return { code: exitCode, err: stderr.toString(), peak: resourceUsage.maxRSS };
});
process.stdout.write(JSON.stringify(found));
