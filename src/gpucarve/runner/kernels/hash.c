/* MD5 (RFC 1321), SHA-1 and SHA-256 (FIPS 180-4) of passwords of 8 bytes, in the shape of a mask attack: a thread has the
   second half of its passwords and goes through all first halves. What does not depend on the first half is done once.

   `digests_…` write whole digests, for a host to compare. `search_…` look for one digest as far as it can be told early:
   MD5 is run backwards from the digest to the last step that takes the first word; of SHA-1 and SHA-256 the last steps
   are left out, for they only move words that are known. What is found is two halves' numbers, a pair each behind the
   count in `found`. One word of the digest is compared, so one password in 2^32 is found without being the one: whoever
   reads `found` hashes those few again.

   An NVIDIA GPU has two pipes for such work: rotations, logic and additions of three go to one, multiplications with an
   addition to the other. `one` is a 1 that the compiler does not know of: where the first pipe is the busier one, an
   addition is written as a multiplication by it (ADD), and so is done by the other.

   Halves are words as they lie in memory (little-endian). Every loop over steps is unrolled, so that indices and
   constants are known when a kernel is compiled. */

#define ROTATED(x, n) (((x) << (n)) | ((x) >> (32 - (n))))
#define SWAPPED(x) ((ROTATED(x, 8) & 0x00ff00ffu) | (ROTATED(x, 24) & 0xff00ff00u))
#define ADD(x, y) multiplied_and_added(x, one, y)
#define MOST_FOUND 1000

DEVICE void note(COUNTER *found, u32 first, u32 second)
{
    u32 at = COUNT_UP(found);
    if (at < MOST_FOUND) {
        found[1 + 2 * at] = first;
        found[2 + 2 * at] = second;
    }
}

TABLE u32 MD5_SINES[64] = {
    0xd76aa478u, 0xe8c7b756u, 0x242070dbu, 0xc1bdceeeu, 0xf57c0fafu, 0x4787c62au, 0xa8304613u, 0xfd469501u,
    0x698098d8u, 0x8b44f7afu, 0xffff5bb1u, 0x895cd7beu, 0x6b901122u, 0xfd987193u, 0xa679438eu, 0x49b40821u,
    0xf61e2562u, 0xc040b340u, 0x265e5a51u, 0xe9b6c7aau, 0xd62f105du, 0x02441453u, 0xd8a1e681u, 0xe7d3fbc8u,
    0x21e1cde6u, 0xc33707d6u, 0xf4d50d87u, 0x455a14edu, 0xa9e3e905u, 0xfcefa3f8u, 0x676f02d9u, 0x8d2a4c8au,
    0xfffa3942u, 0x8771f681u, 0x6d9d6122u, 0xfde5380cu, 0xa4beea44u, 0x4bdecfa9u, 0xf6bb4b60u, 0xbebfbc70u,
    0x289b7ec6u, 0xeaa127fau, 0xd4ef3085u, 0x04881d05u, 0xd9d4d039u, 0xe6db99e5u, 0x1fa27cf8u, 0xc4ac5665u,
    0xf4292244u, 0x432aff97u, 0xab9423a7u, 0xfc93a039u, 0x655b59c3u, 0x8f0ccc92u, 0xffeff47du, 0x85845dd1u,
    0x6fa87e4fu, 0xfe2ce6e0u, 0xa3014314u, 0x4e0811a1u, 0xf7537e82u, 0xbd3af235u, 0x2ad7d2bbu, 0xeb86d391u,
};

TABLE u32 MD5_TURNS[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};

#define MD5_WORD(t) ((t) < 16 ? (t) : (t) < 32 ? (5 * (t) + 1) % 16 : (t) < 48 ? (3 * (t) + 5) % 16 : 7 * (t) % 16)
#define MD5_TURN(t) MD5_TURNS[(t) / 16 * 4 + (t) % 4]
#define MD5_MIX(t, b, c, d) \
    ((t) < 16 ? (((c) ^ (d)) & (b)) ^ (d) : (t) < 32 ? (((b) ^ (c)) & (d)) ^ (c) : (t) < 48 ? (b) ^ (c) ^ (d) : (c) ^ ((b) | ~(d)))

#define MD5_STEPS(from, to, s, w) \
    _Pragma("unroll") for (int t = from; t < to; t++) { \
        u32 mixed = MD5_MIX(t, s[1], s[2], s[3]), given = MD5_SINES[t] + w[MD5_WORD(t)]; \
        u32 sum = t % 4 == 3 ? s[0] + mixed + given : ADD(mixed, ADD(s[0], given)); \
        s[0] = s[3]; \
        s[3] = s[2]; \
        s[2] = s[1]; \
        s[1] = s[1] + ROTATED(sum, MD5_TURN(t)); \
    }

#define PASSWORD_MD5(w, first, second) \
    u32 w[16] = {first, second, 0x80u, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0}
#define PASSWORD_SHA(w, size, first, second) \
    u32 w[size] = {first, second, 0x80000000u, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64}

DEVICE void md5(u32 first, u32 second, u32 *digest)
{
    const u32 one = 1;
    PASSWORD_MD5(w, first, second);
    u32 s[4] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u};
    MD5_STEPS(0, 64, s, w)
    digest[0] = s[0] + 0x67452301u;
    digest[1] = s[1] + 0xefcdab89u;
    digest[2] = s[2] + 0x98badcfeu;
    digest[3] = s[3] + 0x10325476u;
}

KERNEL search_md5(
    GLOBAL const u32 *RESTRICT firsts, u32 first_count, GLOBAL const u32 *RESTRICT seconds, GLOBAL const u32 *RESTRICT wanted,
    u32 one, COUNTER *found)
{
    u32 second = seconds[THREAD];
    /* Backwards from the digest to what stands before step 48, which takes the first word; s[0] is not known there. */
    PASSWORD_MD5(fixed, 0, second);
    u32 s[4] = {wanted[0] - 0x67452301u, wanted[1] - 0xefcdab89u, wanted[2] - 0x98badcfeu, wanted[3] - 0x10325476u};
    _Pragma("unroll") for (int t = 63; t > 48; t--) {
        u32 turned = s[1] - s[2];
        u32 sum = ROTATED(turned, 32 - MD5_TURN(t));
        u32 mixed = MD5_MIX(t, s[2], s[3], s[0]);
        u32 before = sum - mixed - MD5_SINES[t] - fixed[MD5_WORD(t)];
        s[1] = s[2];
        s[2] = s[3];
        s[3] = s[0];
        s[0] = before;
    }
    for (u32 number = 0; number < first_count; number++) {
        PASSWORD_MD5(w, firsts[number], second);
        u32 r[4] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u};
        MD5_STEPS(0, 46, r, w)
        if (r[1] == s[0])
            note(found, number, (u32)THREAD);
    }
}

#define SHA1_MIX(t, b, c, d) \
    ((t) < 20 ? (((c) ^ (d)) & (b)) ^ (d) : (t) < 40 || (t) >= 60 ? (b) ^ (c) ^ (d) : ((b) & (c)) | (((b) | (c)) & (d)))
#define SHA1_ADDED(t) ((t) < 20 ? 0x5a827999u : (t) < 40 ? 0x6ed9eba1u : (t) < 60 ? 0x8f1bbcdcu : 0xca62c1d6u)

/* Words 16 and on of the message, from the 16 before each. */
#define SHA1_WORDS(to, w) \
    _Pragma("unroll") for (int t = 16; t < to; t++) { \
        u32 mixed = w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]; \
        w[t] = ROTATED(mixed, 1); \
    }

#define SHA1_STEPS(to, s, word) \
    _Pragma("unroll") for (int t = 0; t < to; t++) { \
        u32 mixed = SHA1_MIX(t, s[1], s[2], s[3]); \
        u32 given = ADD(word(t), SHA1_ADDED(t)); \
        u32 sum = ROTATED(s[0], 5) + ADD(mixed, ADD(s[4], given)); \
        s[4] = s[3]; \
        s[3] = s[2]; \
        s[2] = ROTATED(s[1], 30); \
        s[1] = s[0]; \
        s[0] = sum; \
    }

DEVICE void sha1(u32 first, u32 second, u32 *digest)
{
    const u32 one = 1;
    PASSWORD_SHA(w, 80, first, second);
    u32 s[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    SHA1_WORDS(80, w)
#define WHOLE_WORD(t) w[t]
    SHA1_STEPS(80, s, WHOLE_WORD)
    digest[0] = s[0] + 0x67452301u;
    digest[1] = s[1] + 0xefcdab89u;
    digest[2] = s[2] + 0x98badcfeu;
    digest[3] = s[3] + 0x10325476u;
    digest[4] = s[4] + 0xc3d2e1f0u;
}

/* The words of the message are linear: word t is what it would be if the first word were 0, and the first word itself in
   some turns. Bit n of SHA1_TURNS[t] says that it is in there turned by n. */
#define SHA1_MOST_TURNED 20
TABLE u32 SHA1_TURNS[76] = {
    0x000001u, 0x000000u, 0x000000u, 0x000000u, 0x000000u, 0x000000u, 0x000000u, 0x000000u,
    0x000000u, 0x000000u, 0x000000u, 0x000000u, 0x000000u, 0x000000u, 0x000000u, 0x000000u,
    0x000002u, 0x000000u, 0x000000u, 0x000004u, 0x000000u, 0x000000u, 0x000008u, 0x000000u,
    0x000004u, 0x000010u, 0x000000u, 0x000000u, 0x000020u, 0x000000u, 0x000014u, 0x000040u,
    0x00000cu, 0x000000u, 0x000080u, 0x000010u, 0x000050u, 0x000100u, 0x000010u, 0x000000u,
    0x000210u, 0x000000u, 0x000140u, 0x000400u, 0x0000c8u, 0x000000u, 0x000810u, 0x000110u,
    0x000538u, 0x001000u, 0x000100u, 0x000050u, 0x002110u, 0x000000u, 0x001480u, 0x004000u,
    0x000cd0u, 0x000100u, 0x008110u, 0x001100u, 0x005190u, 0x010000u, 0x001150u, 0x000100u,
    0x0211d0u, 0x000000u, 0x014000u, 0x040100u, 0x00c800u, 0x000000u, 0x081000u, 0x011000u,
    0x053820u, 0x100000u, 0x010100u, 0x005040u,
};

/* The last word of the digest is the first word of the state after step 75, turned: four steps can be left out. */
KERNEL search_sha1(
    GLOBAL const u32 *RESTRICT firsts, u32 first_count, GLOBAL const u32 *RESTRICT seconds, GLOBAL const u32 *RESTRICT wanted,
    u32 one, COUNTER *found)
{
    u32 second = SWAPPED(seconds[THREAD]);
    u32 left = wanted[4] - 0xc3d2e1f0u;
    u32 sought = ROTATED(left, 2);
    PASSWORD_SHA(w, 76, 0, second);
    SHA1_WORDS(76, w)
    for (u32 number = 0; number < first_count; number++) {
        u32 first = SWAPPED(firsts[number]), turned[SHA1_MOST_TURNED + 1], word[76];
        turned[0] = first;
        _Pragma("unroll") for (int n = 1; n <= SHA1_MOST_TURNED; n++) turned[n] = ROTATED(first, n);
        _Pragma("unroll") for (int t = 0; t < 76; t++) {
            word[t] = w[t];
            _Pragma("unroll") for (int n = 0; n <= SHA1_MOST_TURNED; n++) if (SHA1_TURNS[t] >> n & 1) word[t] ^= turned[n];
        }
        u32 s[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
#define SEARCHED_WORD(t) word[t]
        SHA1_STEPS(76, s, SEARCHED_WORD)
        if (s[0] == sought)
            note(found, number, (u32)THREAD);
    }
}

TABLE u32 SHA256_ROOTS[64] = {
    0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u,
    0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u,
    0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau,
    0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u, 0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u,
    0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u,
    0xa2bfe8a1u, 0xa81a664bu, 0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u,
    0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
    0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u,
};

#define SHA256_STEPS(to, s, w) \
    _Pragma("unroll") for (int t = 0; t < to; t++) { \
        if (t >= 16) { \
            u32 x = w[(t + 1) % 16], y = w[(t + 14) % 16]; \
            u32 far = ROTATED(x, 25) ^ ROTATED(x, 14) ^ (x >> 3), near = ROTATED(y, 15) ^ ROTATED(y, 13) ^ (y >> 10); \
            w[t % 16] = ADD(far, ADD(near, ADD(w[(t + 9) % 16], w[t % 16]))); \
        } \
        u32 turned = ROTATED(s[4], 26) ^ ROTATED(s[4], 21) ^ ROTATED(s[4], 7); \
        u32 chosen = ((s[5] ^ s[6]) & s[4]) ^ s[6]; \
        u32 up = ADD(turned, ADD(chosen, ADD(s[7], SHA256_ROOTS[t] + w[t % 16]))); \
        u32 most = (s[0] & s[1]) | ((s[0] | s[1]) & s[2]); \
        u32 down = ADD(ROTATED(s[0], 30) ^ ROTATED(s[0], 19) ^ ROTATED(s[0], 10), most); \
        s[7] = s[6]; \
        s[6] = s[5]; \
        s[5] = s[4]; \
        s[4] = ADD(s[3], up); \
        s[3] = s[2]; \
        s[2] = s[1]; \
        s[1] = s[0]; \
        s[0] = ADD(up, down); \
    }

#define SHA256_START \
    {0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au, 0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u}

DEVICE void sha256(u32 first, u32 second, u32 *digest)
{
    const u32 one = 1;
    PASSWORD_SHA(w, 16, first, second);
    u32 s[8] = SHA256_START;
    u32 start[8] = SHA256_START;
    SHA256_STEPS(64, s, w)
    _Pragma("unroll") for (int i = 0; i < 8; i++) digest[i] = s[i] + start[i];
}

/* The last word of the digest is the fifth of the state after step 60, so that three steps can be left out. */
KERNEL search_sha256(
    GLOBAL const u32 *RESTRICT firsts, u32 first_count, GLOBAL const u32 *RESTRICT seconds, GLOBAL const u32 *RESTRICT wanted,
    u32 one, COUNTER *found)
{
    u32 second = SWAPPED(seconds[THREAD]);
    u32 sought = wanted[7] - 0x5be0cd19u;
    for (u32 number = 0; number < first_count; number++) {
        u32 first = SWAPPED(firsts[number]);
        PASSWORD_SHA(w, 16, first, second);
        u32 s[8] = SHA256_START;
        SHA256_STEPS(61, s, w)
        if (s[4] == sought)
            note(found, number, (u32)THREAD);
    }
}

/* Whole digests, word by word: thread n takes first half n % first_count and second half n / first_count. */
#define DIGESTS(name, function, length, given) \
    KERNEL name( \
        GLOBAL const u32 *RESTRICT firsts, u32 first_count, GLOBAL const u32 *RESTRICT seconds, u32 second_count, \
        GLOBAL u32 *RESTRICT out) \
    { \
        u64 number = THREAD; \
        if (number < (u64)first_count * second_count) { \
            u32 digest[length]; \
            u32 first = firsts[number % first_count], second = seconds[number / first_count]; \
            function(given(first), given(second), digest); \
            for (int i = 0; i < length; i++) \
                out[number * length + i] = digest[i]; \
        } \
    }

#define AS_IT_IS(x) (x)
DIGESTS(digests_md5, md5, 4, AS_IT_IS)
DIGESTS(digests_sha1, sha1, 5, SWAPPED)
DIGESTS(digests_sha256, sha256, 8, SWAPPED)
