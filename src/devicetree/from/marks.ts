// Which names the reader of a directory marks at their nodes, and when: all that is asked of every tree.

import { archs } from "../../arch/archs.ts";
import type { NameRule } from "../../sys/gather.ts";
import { lengthRules } from "../check/oddities.ts";
import { MARK } from "../marks.ts";
import { reservationNames } from "../reservations.ts";

/** Of any length: no length & 0 is 1. */
const ANY = { mask: 0, value: 1 };

export const markedNames: readonly NameRule[] = [
  ...reservationNames.map((name) => ({ name, ...ANY, mark: MARK.reservation })),
  ...archs.flatMap(({ handOver }) => handOver?.names ?? []).map((name) => ({ name, ...ANY, mark: MARK.arch })),
  ...lengthRules.map((rule) => ({ ...rule, mark: MARK.oddity })),
];
