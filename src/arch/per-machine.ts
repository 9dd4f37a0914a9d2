// A table by what uname says, of which a machine's row is read when it is asked for.

import type { Machine } from "../sys/engine.ts";

export function perMachine<Row>(rows: {
  readonly ppc64: () => Row;
  readonly ppc: () => Row;
  readonly arm64: () => Row;
  readonly riscv64: () => Row;
  readonly x86_64: () => Row;
}): Readonly<Record<Machine, Row>> {
  return {
    get ppc64() {
      return rows.ppc64();
    },
    get ppc64le() {
      return rows.ppc64();
    },
    get ppc() {
      return rows.ppc();
    },
    get aarch64() {
      return rows.arm64();
    },
    get riscv64() {
      return rows.riscv64();
    },
    get x86_64() {
      return rows.x86_64();
    },
  };
}
