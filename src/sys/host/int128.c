/* What gcc calls for 128-bit integers, by these names: division, which BigInt needs, and on ppc64 a shift in code that
 * is compiled for size.
 *
 * It replaces libgcc's: on 64-bit big endian PowerPC musl is ELFv2 but the compiler's libgcc is ELFv1, and the linker
 * refuses to join them. All targets use it, so that all of them test it.
 */
#ifdef __SIZEOF_INT128__   /* as on machines of 64 bits */
#pragma GCC optimize("O2") /* with -Os it would call shifts itself */

typedef unsigned __int128 u128;
typedef unsigned long u64;

u128 __udivmodti4(u128 dividend, u128 divisor, u128 *rest);
u128 __udivti3(u128 dividend, u128 divisor);
u128 __umodti3(u128 dividend, u128 divisor);
u128 __ashlti3(u128 value, int bits);

static unsigned leading_zeros(u64 value)
{
    return (unsigned)__builtin_clzl(value);
}

/* One 32-bit digit of a quotient: (high : next) / divisor. The divisor's top bit is set and high < divisor, so that
 * the digit fits. The guess from the divisor's upper half is at most two too large (Knuth, 4.3.1, theorem B). The
 * remainder goes to *rest. */
static u64 quotient_digit(u64 high, u64 next, u64 divisor, u64 *rest)
{
    u64 upper = divisor >> 32, lower = divisor & 0xffffffff;
    u64 digit = high / upper, left = high % upper;

    while (digit >> 32 || digit * lower > (left << 32 | next)) {
        digit--;
        left += upper;
        if (left >> 32)
            break;
    }
    *rest = (high << 32 | next) - digit * divisor; /* true modulo 2^64, and the result is below 2^64 */
    return digit;
}

/* (high : low) / divisor for high < divisor. */
static u64 divide_by_word(u64 high, u64 low, u64 divisor, u64 *rest)
{
    unsigned shift = leading_zeros(divisor);
    u64 upper_digit, lower_digit;

    divisor <<= shift;
    if (shift) {
        high = high << shift | low >> (64 - shift);
        low <<= shift;
    }
    upper_digit = quotient_digit(high, low >> 32, divisor, &high);
    lower_digit = quotient_digit(high, low & 0xffffffff, divisor, rest);
    *rest >>= shift;
    return upper_digit << 32 | lower_digit;
}

/* For divisors of more than 64 bits: the quotient is short, so that bit by bit it takes at most 64 steps. */
static u128 divide_by_two_words(u128 dividend, u128 divisor, u128 *rest)
{
    u128 quotient = 0;
    int step;

    if (dividend < divisor) {
        *rest = dividend;
        return 0;
    }
    step = (int)leading_zeros((u64)(divisor >> 64)) - (int)leading_zeros((u64)(dividend >> 64));
    for (divisor <<= step; step >= 0; step--, divisor >>= 1) {
        quotient <<= 1;
        if (dividend >= divisor) {
            dividend -= divisor;
            quotient |= 1;
        }
    }
    *rest = dividend;
    return quotient;
}

u128 __udivmodti4(u128 dividend, u128 divisor, u128 *rest)
{
    u64 high = (u64)(dividend >> 64), word = (u64)divisor, word_rest, low;

    if (divisor >> 64)
        return divide_by_two_words(dividend, divisor, rest);
    low = divide_by_word(high % word, (u64)dividend, word, &word_rest);
    *rest = word_rest;
    return (u128)(high / word) << 64 | low;
}

u128 __udivti3(u128 dividend, u128 divisor)
{
    u128 rest;

    return __udivmodti4(dividend, divisor, &rest);
}

u128 __umodti3(u128 dividend, u128 divisor)
{
    u128 rest;

    __udivmodti4(dividend, divisor, &rest);
    return rest;
}

u128 __ashlti3(u128 value, int bits)
{
    u64 high = (u64)(value >> 64), low = (u64)value;

    if (bits >= 64)
        return (u128)(low << (bits - 64)) << 64;
    if (bits > 0)
        high = high << bits | low >> (64 - bits);
    return (u128)high << 64 | low << bits;
}
#else
typedef int no_int128;
#endif
