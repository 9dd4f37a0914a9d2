// Reads a zero page with its own table of fields, typed in from Documentation/arch/x86/zero-page.rst and boot.rst:
// offset and bytes, little endian.

const FIELDS = {
  acpi_rsdp_addr: [0x070, 8],
  ext_ramdisk_image: [0x0c0, 4],
  ext_ramdisk_size: [0x0c4, 4],
  ext_cmd_line_ptr: [0x0c8, 4],
  e820_entries: [0x1e8, 1],
  sentinel: [0x1ef, 1],
  setup_sects: [0x1f1, 1],
  vid_mode: [0x1fa, 2],
  boot_flag: [0x1fe, 2],
  header: [0x202, 4],
  version: [0x206, 2],
  type_of_loader: [0x210, 1],
  loadflags: [0x211, 1],
  ramdisk_image: [0x218, 4],
  ramdisk_size: [0x21c, 4],
  cmd_line_ptr: [0x228, 4],
  kernel_alignment: [0x230, 4],
  xloadflags: [0x236, 2],
  cmdline_size: [0x238, 4],
  setup_data: [0x250, 8],
  pref_address: [0x258, 8],
  init_size: [0x260, 4],
} as const satisfies Record<string, readonly [number, number]>;

export type Field = keyof typeof FIELDS;

function littleEndian(bytes: Uint8Array, at: number, size: number): bigint {
  return BigInt(
    `0x${Buffer.from(bytes.slice(at, at + size))
      .reverse()
      .toString("hex")}`,
  );
}

export interface SetupData {
  readonly type: bigint;
  readonly data: Buffer;
}

export interface MemoryMapEntry {
  readonly start: bigint;
  readonly size: bigint;
  readonly type: bigint;
}

/** Of an array of struct boot_e820_entry. */
function entriesOf(bytes: Uint8Array): MemoryMapEntry[] {
  return Array.from({ length: bytes.length / 20 }, (_, index) => ({
    start: littleEndian(bytes, 20 * index, 8),
    size: littleEndian(bytes, 20 * index + 8, 8),
    type: littleEndian(bytes, 20 * index + 16, 4),
  }));
}

/** A zero page that lies at `address`, with what follows it. */
export class ZeroPageReader {
  constructor(
    readonly bytes: Uint8Array,
    readonly address: bigint,
  ) {}

  field(name: Field): bigint {
    const [at, size] = FIELDS[name];
    return littleEndian(this.bytes, at, size);
  }

  get commandLine(): string {
    const at = this.#offset((this.field("ext_cmd_line_ptr") << 32n) + this.field("cmd_line_ptr"));
    return Buffer.from(this.bytes.slice(at, this.bytes.indexOf(0, at))).toString("latin1");
  }

  get initrd(): { readonly start: bigint; readonly size: bigint } {
    return {
      start: (this.field("ext_ramdisk_image") << 32n) + this.field("ramdisk_image"),
      size: (this.field("ext_ramdisk_size") << 32n) + this.field("ramdisk_size"),
    };
  }

  /** The table in the page itself. */
  get memoryMap(): MemoryMapEntry[] {
    return entriesOf(this.bytes.slice(0x2d0, 0x2d0 + 20 * Number(this.field("e820_entries"))));
  }

  /** What SETUP_E820_EXT adds to it. */
  get extendedMemoryMap(): MemoryMapEntry[] {
    return this.setupData.filter(({ type }) => type === 1n).flatMap(({ data }) => entriesOf(data));
  }

  /** The list of struct setup_data. */
  get setupData(): SetupData[] {
    const list: SetupData[] = [];
    for (let next = this.field("setup_data"); next !== 0n; ) {
      const at = this.#offset(next);
      const length = Number(littleEndian(this.bytes, at + 12, 4));
      list.push({
        type: littleEndian(this.bytes, at + 8, 4),
        data: Buffer.from(this.bytes.slice(at + 16, at + 16 + length)),
      });
      next = littleEndian(this.bytes, at, 8);
    }
    return list;
  }

  #offset(address: bigint): number {
    const offset = Number(address - this.address);
    if (offset < 0 || offset >= this.bytes.length) throw new Error(`0x${address.toString(16)} is not in these bytes`);
    return offset;
  }
}
