// The applets, in the order in which --help and --list name them. Each is the default export of a file of its name.

import type { Applet } from "../cli/applet.ts";
import cat from "./cat.ts";
import dtcheck from "./dtcheck.ts";
import dtdiff from "./dtdiff.ts";
import dtdump from "./dtdump.ts";
import dtedit from "./dtedit.ts";
import echo from "./echo.ts";
import elfcorehdr from "./elfcorehdr.ts";
import fs2dt from "./fs2dt.ts";
import init from "./init.ts";
import insmod from "./insmod.ts";
import kexec from "./kexec.ts";
import loadem from "./loadem.ts";
import ls from "./ls.ts";
import poweroff from "./poweroff.ts";
import v2wrap from "./v2wrap.ts";
import vmcore from "./vmcore.ts";
import vmcoreDmesg from "./vmcore-dmesg.ts";
import zeropage from "./zeropage.ts";

export const applets: readonly Applet[] = [
  kexec,
  fs2dt,
  zeropage,
  loadem,
  v2wrap,
  elfcorehdr,
  vmcore,
  vmcoreDmesg,
  dtdump,
  dtedit,
  dtdiff,
  dtcheck,
  init,
  cat,
  echo,
  ls,
  insmod,
  poweroff,
];
