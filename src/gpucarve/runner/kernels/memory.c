/* Workloads that move memory: filling, adding, copying, transposing, and counting what came out wrong.
   A matrix is `height` rows of `width` 32-bit words, both multiples of 64. */

#define TILE 32
#define ROWS 8 /* a block is TILE x ROWS threads, each for TILE / ROWS words of a tile */

KERNEL fill_words(GLOBAL u32 *RESTRICT out, u64 count, u32 seed)
{
    for (u64 i = THREAD; i < count; i += THREADS)
        out[i] = pattern(i, seed);
}

/* Floats from 1 up to 2, each with 23 random bits behind the point: every sum of two is rounded. */
KERNEL fill_floats(GLOBAL float *RESTRICT out, u64 count, u32 seed)
{
    for (u64 i = THREAD; i < count; i += THREADS)
        out[i] = AS_FLOAT(0x3f800000u | (pattern(i, seed) >> 9));
}

/* Four floats a thread and turn; `quads` is a quarter of the count. */
KERNEL add_vectors(GLOBAL const floats4 *RESTRICT a, GLOBAL const floats4 *RESTRICT b, GLOBAL floats4 *RESTRICT sum, u64 quads)
{
    for (u64 i = THREAD; i < quads; i += THREADS) {
        floats4 x = a[i], y = b[i];
        x.x += y.x;
        x.y += y.y;
        x.z += y.z;
        x.w += y.w;
        sum[i] = x;
    }
}

KERNEL check_sums(GLOBAL const float *RESTRICT sum, u64 count, u32 seed_a, u32 seed_b, COUNTER *wrong)
{
    for (u64 i = THREAD; i < count; i += THREADS) {
        float a = AS_FLOAT(0x3f800000u | (pattern(i, seed_a) >> 9));
        float b = AS_FLOAT(0x3f800000u | (pattern(i, seed_b) >> 9));
        if (sum[i] != a + b)
            COUNT_UP(wrong);
    }
}

KERNEL copy_words(GLOBAL const words4 *RESTRICT in, GLOBAL words4 *RESTRICT out, u64 quads)
{
    for (u64 i = THREAD; i < quads; i += THREADS)
        out[i] = in[i];
}

#define MATRIX_ARGUMENTS GLOBAL const u32 *RESTRICT in, GLOBAL u32 *RESTRICT out, u32 width, u32 height
#define EACH_ROW(j) for (u32 j = 0; j < TILE; j += ROWS)

/* The same place, word by word. */
KERNEL matrix_copy(MATRIX_ARGUMENTS)
{
    u64 at = (u64)(BLOCK_Y * TILE + THREAD_Y) * width + BLOCK_X * TILE + THREAD_X;
    EACH_ROW(j) out[at + (u64)j * width] = in[at + (u64)j * width];
}

/* The same place, by way of shared memory. */
KERNEL matrix_copy_shared(MATRIX_ARGUMENTS)
{
    SHARED u32 tile[TILE][TILE];
    u64 at = (u64)(BLOCK_Y * TILE + THREAD_Y) * width + BLOCK_X * TILE + THREAD_X;
    EACH_ROW(j) tile[THREAD_Y + j][THREAD_X] = in[at + (u64)j * width];
    BARRIER();
    EACH_ROW(j) out[at + (u64)j * width] = tile[THREAD_Y + j][THREAD_X];
}

/* Rows are read, columns are written: each write of a warp touches 32 lines. */
KERNEL matrix_naive(MATRIX_ARGUMENTS)
{
    u32 x = BLOCK_X * TILE + THREAD_X, y = BLOCK_Y * TILE + THREAD_Y;
    EACH_ROW(j) out[(u64)x * height + y + j] = in[(u64)(y + j) * width + x];
}

/* Whole lines on both sides; the columns of a tile all lie in one bank of shared memory. */
KERNEL matrix_coalesced(MATRIX_ARGUMENTS)
{
    SHARED u32 tile[TILE][TILE];
    u64 from = (u64)(BLOCK_Y * TILE + THREAD_Y) * width + BLOCK_X * TILE + THREAD_X;
    u64 to = (u64)(BLOCK_X * TILE + THREAD_Y) * height + BLOCK_Y * TILE + THREAD_X;
    EACH_ROW(j) tile[THREAD_Y + j][THREAD_X] = in[from + (u64)j * width];
    BARRIER();
    EACH_ROW(j) out[to + (u64)j * height] = tile[THREAD_X][THREAD_Y + j];
}

/* A column more in the tile spreads its columns over the banks. */
#define PADDED_TRANSPOSE(block_x, block_y) \
    SHARED u32 tile[TILE][TILE + 1]; \
    u64 from = (u64)((block_y)*TILE + THREAD_Y) * width + (block_x)*TILE + THREAD_X; \
    u64 to = (u64)((block_x)*TILE + THREAD_Y) * height + (block_y)*TILE + THREAD_X; \
    EACH_ROW(j) tile[THREAD_Y + j][THREAD_X] = in[from + (u64)j * width]; \
    BARRIER(); \
    EACH_ROW(j) out[to + (u64)j * height] = tile[THREAD_X][THREAD_Y + j];

KERNEL matrix_optimized(MATRIX_ARGUMENTS)
{
    PADDED_TRANSPOSE(BLOCK_X, BLOCK_Y)
}

/* Tiles change places, words within a tile do not. */
KERNEL matrix_coarse(MATRIX_ARGUMENTS)
{
    SHARED u32 tile[TILE][TILE + 1];
    u64 from = (u64)(BLOCK_Y * TILE + THREAD_Y) * width + BLOCK_X * TILE + THREAD_X;
    u64 to = (u64)(BLOCK_X * TILE + THREAD_Y) * height + BLOCK_Y * TILE + THREAD_X;
    EACH_ROW(j) tile[THREAD_Y + j][THREAD_X] = in[from + (u64)j * width];
    BARRIER();
    EACH_ROW(j) out[to + (u64)j * height] = tile[THREAD_Y + j][THREAD_X];
}

/* Words change places within a tile, tiles do not. */
KERNEL matrix_fine(MATRIX_ARGUMENTS)
{
    SHARED u32 tile[TILE][TILE + 1];
    u64 at = (u64)(BLOCK_Y * TILE + THREAD_Y) * width + BLOCK_X * TILE + THREAD_X;
    EACH_ROW(j) tile[THREAD_Y + j][THREAD_X] = in[at + (u64)j * width];
    BARRIER();
    EACH_ROW(j) out[at + (u64)j * width] = tile[THREAD_X][THREAD_Y + j];
}

/* Blocks that run at one time lie on a diagonal, so that they do not write into one column of tiles. */
KERNEL matrix_diagonal(MATRIX_ARGUMENTS)
{
    u32 number = BLOCK_X + BLOCKS_X * BLOCK_Y;
    u32 block_y = number % BLOCKS_Y;
    u32 block_x = (number / BLOCKS_Y + block_y) % BLOCKS_X;
    PADDED_TRANSPOSE(block_x, block_y)
}

/* Ours: tiles of 64 x 64 words, and 16 bytes in each access to memory. A block is 256 threads in a row. */
#define WIDE 64
KERNEL matrix_wide(MATRIX_ARGUMENTS)
{
    SHARED u32 tile[WIDE][WIDE + 1];
    u32 row = THREAD_X / 16, column = THREAD_X % 16 * 4;
    u64 from = (u64)(BLOCK_Y * WIDE + row) * width + BLOCK_X * WIDE + column;
    u64 to = (u64)(BLOCK_X * WIDE + row) * height + BLOCK_Y * WIDE + column;
    words4 held[4];
    for (u32 j = 0; j < 4; j++)
        held[j] = *(GLOBAL const words4 *)(in + from + (u64)(16 * j) * width);
    for (u32 j = 0; j < 4; j++) {
        tile[row + 16 * j][column] = held[j].x;
        tile[row + 16 * j][column + 1] = held[j].y;
        tile[row + 16 * j][column + 2] = held[j].z;
        tile[row + 16 * j][column + 3] = held[j].w;
    }
    BARRIER();
    for (u32 j = 0; j < 4; j++) {
        words4 turned;
        turned.x = tile[column][row + 16 * j];
        turned.y = tile[column + 1][row + 16 * j];
        turned.z = tile[column + 2][row + 16 * j];
        turned.w = tile[column + 3][row + 16 * j];
        *(GLOBAL words4 *)(out + to + (u64)(16 * j) * height) = turned;
    }
}

/* Counts the words of `out` that are not those that fill_words put where they come from.
   `order`: 0 the same place, 1 transposed, 2 tiles transposed, 3 transposed within tiles. */
KERNEL check_matrix(GLOBAL const u32 *RESTRICT out, u32 width, u32 height, u32 order, u32 seed, COUNTER *wrong)
{
    u64 count = (u64)width * height;
    u32 line = order == 1 || order == 2 ? height : width;
    for (u64 i = THREAD; i < count; i += THREADS) {
        u32 row = (u32)(i / line), column = (u32)(i % line), from_row = row, from_column = column;
        if (order == 1) {
            from_row = column;
            from_column = row;
        } else if (order == 2) {
            from_row = column / TILE * TILE + row % TILE;
            from_column = row / TILE * TILE + column % TILE;
        } else if (order == 3) {
            from_row = row / TILE * TILE + column % TILE;
            from_column = column / TILE * TILE + row % TILE;
        }
        if (out[i] != pattern((u64)from_row * width + from_column, seed))
            COUNT_UP(wrong);
    }
}
