// Zeros under Bun: its compiler makes a loop over words as fast as memory is.

/** As Engine has it. */
export function zeros(bytes: Uint8Array, at: number): number {
  const { buffer, byteOffset, length } = bytes;
  if (at > length) throw new RangeError(`${at} is outside 0..${length}`);
  let end = at;
  while (end < length && (byteOffset + end) % 4 !== 0) {
    if (bytes[end] !== 0) return end - at;
    end++;
  }
  const words = new Int32Array(buffer, byteOffset + end, (length - end) >> 2);
  let word = 0;
  while (word < words.length && words[word] === 0) word++;
  end += 4 * word;
  while (end < length && bytes[end] === 0) end++;
  return end - at;
}
