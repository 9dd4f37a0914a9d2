// How a count grows while what it is counted of doubles and doubles again.

/** The size at which counting begins, unless a shape has another one. */
export const SMALLEST = 128;

/**
 * Of what growthOf() gives. Above 2, since a buffer that doubles does so at one size and not at the next. Where a sixth
 * of the smallest size's work is as the square, it is 2.75: the second size then takes 2.3 times that work, and the third
 * one 2.6 times the second's.
 */
export const MOST_GROWTH = 2.75;

/** Whether it grows as it may: a count that does not grow has to be known for that, since its input may have been refused. */
export function isSound(growth: number | undefined, isConstant: boolean): boolean {
  return isConstant ? growth === undefined : growth !== undefined && growth <= MOST_GROWTH;
}

/**
 * By how much what a size adds grows where the size doubles: 2 where work is as large as its input, 4 where it is as its square.
 * undefined where it does not grow with its input: that is given up early.
 */
export function growthOf([one = 0, two = 0, four = 0]: readonly number[]): number | undefined {
  return two - one < SMALLEST / 4 ? undefined : (four - two) / (two - one);
}
