// A bzImage that holds no kernel: a setup header as build tools write it, and bytes to recognise the kernel by.

export interface BzImage {
  readonly setupSects?: number;
  readonly version?: number;
  readonly xloadflags?: number;
  readonly loadflags?: number;
  readonly commandLineSize?: number;
  /** Bytes of the header from 0x202 on. */
  readonly headerLength?: number;
  readonly initSize?: number;
  readonly alignment?: number;
  readonly relocatable?: boolean;
  /** pref_address, LOAD_PHYSICAL_ADDR. */
  readonly preferred?: bigint;
  /** initrd_addr_max. */
  readonly highestInitrd?: number;
  /** Bytes behind the setup sectors. */
  readonly kernel?: Uint8Array;
}

/** By default what Debian's 6.1 has, with a kernel of 0x3000 bytes that are 0xcc. */
export function bzImage(wanted: BzImage = {}): Buffer {
  const kernel = wanted.kernel ?? new Uint8Array(0x3000).fill(0xcc);
  const setupSects = wanted.setupSects ?? 39;
  const setup = Buffer.alloc(512 * ((setupSects || 4) + 1));
  setup[0x1f1] = setupSects;
  setup.writeUInt32LE(Math.floor(kernel.length / 16), 0x1f4);
  setup.writeUInt16LE(0x1234, 0x1fa);
  setup.writeUInt16LE(0xaa55, 0x1fe);
  setup[0x200] = 0xeb;
  setup[0x201] = wanted.headerLength ?? 0x6a;
  setup.write("HdrS", 0x202, "latin1");
  setup.writeUInt16LE(wanted.version ?? 0x20f, 0x206);
  setup[0x211] = wanted.loadflags ?? 0xe1;
  setup.writeUInt32LE(0xdead, 0x218);
  setup.writeUInt32LE(0xbeef, 0x21c);
  setup.writeUInt32LE(wanted.highestInitrd ?? 0x7fff_ffff, 0x22c);
  setup.writeUInt32LE(wanted.alignment ?? 0x20_0000, 0x230);
  setup[0x234] = (wanted.relocatable ?? true) ? 1 : 0;
  setup.writeUInt16LE(wanted.xloadflags ?? 0x7f, 0x236);
  setup.writeUInt32LE(wanted.commandLineSize ?? 0x7ff, 0x238);
  setup.writeBigUInt64LE(wanted.preferred ?? 0x100_0000n, 0x258);
  setup.writeUInt32LE(wanted.initSize ?? 0x337_8000, 0x260);
  // What a later header may have more, or code for real mode.
  setup.fill(0x90, 0x26c, 0x2f0);
  return Buffer.concat([setup, kernel]);
}
