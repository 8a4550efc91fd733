/* Matrices for products, and what tells whether a product is right. A matrix is stored row by row.

   A number is 1 and so many `bits` behind the point, with either sign. Both numbers times 2^bits are whole, so a product
   times 4^bits is too, and 32-bit floats hold it without rounding as long as it stays below 2^24. */

/* What stands at an index, times 2^bits. */
DEVICE u32 whole_number(u64 index, u32 seed, u32 bits)
{
    u32 x = pattern(index, seed);
    u32 size = 1u << bits | (x & 0x7fffffffu) >> (31u - bits);
    return x >> 31 ? 0u - size : size;
}

/* The same number as a 32-bit float; up to 23 bits behind the point. */
KERNEL fill_numbers(GLOBAL u32 *RESTRICT out, u64 count, u32 seed, u32 bits)
{
    for (u64 i = THREAD; i < count; i += THREADS) {
        u32 x = pattern(i, seed);
        out[i] = (x & 0x80000000u) | 0x3f800000u | (x & 0x7fffffffu) >> (31u - bits) << (23u - bits);
    }
}

/* The same number as a 16-bit float; up to 10 bits behind the point. `count` is even, and two share a word. */
KERNEL fill_halves(GLOBAL u32 *RESTRICT out, u64 count, u32 seed, u32 bits)
{
    for (u64 i = THREAD; i < count / 2; i += THREADS) {
        u32 pair = 0;
        for (u32 part = 0; part < 2; part++) {
            u32 x = pattern(2 * i + part, seed);
            u32 half_bits = (x >> 31) << 15 | 0x3c00u | (x & 0x7fffffffu) >> (31u - bits) << (10u - bits);
            pair |= half_bits << (16 * part);
        }
        out[i] = pair;
    }
}

/* y += (matrix of whole numbers) x, in integers that wrap. It is worked out from the pattern, not read. */
KERNEL numbers_times(GLOBAL const u32 *RESTRICT x, COUNTER *y, u32 width, u32 height, u32 seed, u32 bits)
{
    for (u32 row = BLOCK_X; row < height; row += BLOCKS_X) {
        u32 sum = 0;
        for (u32 column = THREAD_X; column < width; column += THREADS_X)
            sum += whole_number((u64)row * width + column, seed, bits) * x[column];
        ADD_UP(y + row, sum);
    }
}

/* y += (product times 4^bits) x, and counts the numbers of the product that are not whole then, or too large. */
KERNEL product_times(GLOBAL const float *RESTRICT product, GLOBAL const u32 *RESTRICT x, COUNTER *y, u32 width,
                     u32 height, u32 bits, COUNTER *uneven)
{
    float scale = (float)(1u << 2 * bits);
    for (u32 row = BLOCK_X; row < height; row += BLOCKS_X) {
        u32 sum = 0;
        for (u32 column = THREAD_X; column < width; column += THREADS_X) {
            float number = product[(u64)row * width + column] * scale;
            if (number > -16777216.0f && number < 16777216.0f && number == (float)(int)number)
                sum += (u32)(int)number * x[column];
            else
                COUNT_UP(uneven);
        }
        ADD_UP(y + row, sum);
    }
}

KERNEL check_equal(GLOBAL const u32 *RESTRICT one, GLOBAL const u32 *RESTRICT other, u64 count, COUNTER *wrong)
{
    for (u64 i = THREAD; i < count; i += THREADS)
        if (one[i] != other[i])
            COUNT_UP(wrong);
}
