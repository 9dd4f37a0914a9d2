// A second, slow opinion on where a kernel, its stub and its initrd may lie: every rule of docs/loading.md once more, in
// plain words, and every place of a grid tried. Nothing of src decides here.

export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/** A machine and what is to be placed, as plainly as it can be said. */
export interface Scene {
  readonly machine: "ppc64" | "arm64" | "x86_64";
  /** Of the running kernel. */
  readonly page: bigint;
  /** Banks, which may touch. */
  readonly memory: readonly Range[];
  readonly taken: readonly Range[];
  readonly ram: bigint | undefined;
  readonly kernelEnd: bigint | undefined;
  /** What a cpu reaches without MMU; ppc64 only. */
  readonly rma: Range | undefined;
  readonly keptInitrd: Range | undefined;
  readonly crashkernel: Range | undefined;
  readonly crash: boolean;
  readonly memMin: bigint | undefined;
  readonly memMax: bigint | undefined;
  /** mem= of the next kernel's command line: bytes; ppc64 only. */
  readonly limit?: bigint | undefined;
  readonly kernel: SceneKernel;
  /** Bytes. */
  readonly argument: bigint;
  readonly initrd: bigint | undefined;
}

export interface SceneKernel {
  /** Bytes of the file's part that is loaded. */
  readonly length: bigint;
  /** Bytes of memory from its start on that it uses before it looks around. */
  readonly uses: bigint;
  /** Its address is `offset` bytes above a multiple. */
  readonly multiple: bigint;
  readonly offset: bigint;
  /** ppc64: whether it copies itself to 0 if nobody stops it. */
  readonly copies: boolean;
  /** arm64: whether it uses memory below itself. */
  readonly usesBelow: boolean;
  /** x86-64: pref_address, whether it runs there alone, whether it may be above 4 GiB, initrd_addr_max or 0. */
  readonly preferred: bigint;
  readonly fixed: boolean;
  readonly above4G: boolean;
  readonly highestInitrd: bigint;
}

export interface Placed {
  readonly kernel: bigint;
  readonly argument: bigint;
  readonly initrd: bigint | undefined;
}

const GIB = 1n << 30n;

/** The pages that segments are made of. */
function pageOf({ machine, page }: Scene): bigint {
  return machine === "ppc64" && page < 65536n ? 65536n : page;
}

function pagesOf(scene: Scene, bytes: bigint): bigint {
  const page = pageOf(scene);
  return bytes % page === 0n ? bytes : bytes + page - (bytes % page);
}

export function kernelSizeOf(scene: Scene): bigint {
  return pagesOf(scene, scene.kernel.uses);
}

function meet(a: Range, b: Range): boolean {
  return a.start < b.end && a.end > b.start && a.start < a.end && b.start < b.end;
}

/** Whether every byte of the range is in one bank or another: a run of them without a gap. */
function isMemory(banks: readonly Range[], { start, end }: Range): boolean {
  let at = start;
  while (at < end) {
    const bank = banks.find((each) => each.start <= at && at < each.end);
    if (bank === undefined) return false;
    at = bank.end;
  }
  return true;
}

function isIn(inner: Range, outer: Range): boolean {
  return inner.start >= outer.start && inner.end <= outer.end;
}

/** Where a ppc64 kernel's memory ends by mem=, which counts what is there; undefined where that takes nothing away. */
function limitOf({ memory, limit }: Scene): bigint | undefined {
  if (limit === undefined || limit === 0n) return undefined;
  let left = limit;
  // Where one bank ends and the next begins does not matter, nor does a byte that two have.
  const edges = [...new Set(memory.flatMap(({ start, end }) => [start, end]))].sort((a, b) => Number(a - b));
  for (const [index, start] of edges.entries()) {
    const end = edges[index + 1];
    if (end === undefined || !memory.some((bank) => bank.start <= start && end <= bank.end)) continue;
    if (end - start >= left) {
      const last = start + left;
      return last % 65536n === 0n ? last : last + 65536n - (last % 65536n);
    }
    left -= end - start;
  }
  return undefined;
}

/** Whether a piece may lie there, whatever the others do. */
function mayLie(scene: Scene, name: keyof Placed, own: Range): boolean {
  const { machine, kernel, crash, kernelEnd, keptInitrd, crashkernel, rma } = scene;
  if (own.start % pageOf(scene) !== 0n) return false;
  if (!isMemory(scene.memory, own)) return false;
  if (scene.taken.some((each) => meet(each, own))) return false;
  if (kernelEnd !== undefined && own.start < kernelEnd) return false;
  if (scene.memMin !== undefined && own.start < scene.memMin) return false;
  if (scene.memMax !== undefined && own.end > scene.memMax) return false;
  // The tree goes on telling of it.
  if (keptInitrd !== undefined && scene.initrd === undefined && meet(keptInitrd, own)) return false;
  if (crash && crashkernel !== undefined && !isIn(own, crashkernel)) return false;
  if (name === "kernel") {
    if (own.start < kernel.offset || (own.start - kernel.offset) % kernel.multiple !== 0n) return false;
  }
  if (machine === "ppc64") {
    if (name !== "initrd" && rma !== undefined && !isIn(own, rma)) return false;
    if (name !== "kernel" && kernel.copies && !crash && own.start < kernelSizeOf(scene)) return false;
    const limit = limitOf(scene);
    if (name === "initrd" && !crash && limit !== undefined && own.end > limit) return false;
  }
  if (machine === "x86_64") {
    if (own.start < 0x3000n) return false;
    if (!kernel.above4G && own.end > 4n * GIB) return false;
    if (name === "initrd" && !kernel.above4G && kernel.highestInitrd > 0n && own.end > kernel.highestInitrd + 1n) {
      return false;
    }
    if (name === "kernel" && own.start < kernel.preferred) return false;
    if (name === "kernel" && kernel.fixed && own.start !== kernel.preferred) return false;
  }
  return true;
}

interface PlacedRanges {
  readonly kernel: Range;
  readonly argument: Range;
  readonly initrd: Range | undefined;
}

/** Whether pieces that each may lie where they are get along. */
function getAlong({ machine, kernel }: Scene, ranges: PlacedRanges): boolean {
  const all = [ranges.kernel, ranges.argument, ...(ranges.initrd === undefined ? [] : [ranges.initrd])];
  for (const [index, one] of all.entries()) {
    for (const other of all.slice(index + 1)) if (meet(one, other)) return false;
  }
  if (machine !== "arm64") return true;
  if (!kernel.usesBelow && all.some(({ start }) => start < ranges.kernel.start)) return false;
  const { initrd = ranges.kernel } = ranges;
  const both = [initrd, ranges.kernel];
  return both.every((lower) => both.every(({ end }) => end - (lower.start - (lower.start % GIB)) <= 32n * GIB));
}

/** The kernel loads neither a segment nor a sum of more. */
function isTooMuch(scene: Scene): boolean {
  if (scene.ram === undefined) return false;
  const half = (scene.ram / scene.page / 2n) * scene.page;
  const sizes = sizesOf(scene);
  return sizes.some((size) => size > half) || sizes.reduce((sum, size) => sum + size, 0n) > half;
}

function sizesOf(scene: Scene): bigint[] {
  const { argument, initrd } = scene;
  return [kernelSizeOf(scene), pagesOf(scene, argument), ...(initrd === undefined ? [] : [pagesOf(scene, initrd)])];
}

function rangesOf(scene: Scene, { kernel, argument, initrd }: Placed): PlacedRanges {
  const [kernelSize = 0n, argumentSize = 0n, initrdSize = 0n] = sizesOf(scene);
  return {
    kernel: { start: kernel, end: kernel + kernelSize },
    argument: { start: argument, end: argument + argumentSize },
    initrd: initrd === undefined ? undefined : { start: initrd, end: initrd + initrdSize },
  };
}

/** Whether these places keep every rule. */
export function isValid(scene: Scene, placed: Placed): boolean {
  const ranges = rangesOf(scene, placed);
  if ((ranges.initrd === undefined) !== (scene.initrd === undefined) || isTooMuch(scene)) return false;
  if (!mayLie(scene, "kernel", ranges.kernel) || !mayLie(scene, "argument", ranges.argument)) return false;
  if (ranges.initrd !== undefined && !mayLie(scene, "initrd", ranges.initrd)) return false;
  return getAlong(scene, ranges);
}

/** The first places that keep every rule, of all whose addresses are `candidates`. */
export function findValid(scene: Scene, candidates: readonly bigint[]): Placed | undefined {
  if (isTooMuch(scene)) return undefined;
  const [kernelSize = 0n, argumentSize = 0n, initrdSize = 0n] = sizesOf(scene);
  const places = (name: keyof Placed, size: bigint): bigint[] =>
    candidates.filter((start) => mayLie(scene, name, { start, end: start + size }));
  const kernels = places("kernel", kernelSize);
  const argumentPlaces = places("argument", argumentSize);
  const initrds = scene.initrd === undefined ? [undefined] : places("initrd", initrdSize);
  for (const kernel of kernels) {
    for (const initrd of initrds) {
      for (const argument of argumentPlaces) {
        const placed = { kernel, argument, initrd };
        if (getAlong(scene, rangesOf(scene, placed))) return placed;
      }
    }
  }
  return undefined;
}
