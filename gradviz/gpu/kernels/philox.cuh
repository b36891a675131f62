// Random numbers by their place in a stream: Philox4x32-10.
//
// J. Salmon, M. Moraes, R. Dror, D. Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011.
//
// gradviz/gpu/philox.py is the same in NumPy, bit for bit. For that the logarithm, sine and cosine are written out here in
// operations that IEEE 754 rounds in one way only, and the text is compiled without fused multiply-adds (-fmad=false).
//
// Every kernel takes the stream's key, and where it stands as `offset`, counted in words of 32 bits and divisible by 4.
// Where `more` is not null, more[0] is added to the offset and the bits of more[1] change the key: a captured graph, whose
// arguments are fixed, draws anew each time because the host sets these. One thread does one block of 4 words: 4 narrow
// numbers, or 2 wide ones.

typedef unsigned int u32;
typedef unsigned long long u64;

struct Words {
    u32 w[4];
    __device__ u64 wide(int i) const { return ((u64)w[2 * i] << 32) | w[2 * i + 1]; }
    __device__ double unit(int i) const { return (double)(wide(i) & ((1ULL << 53) - 1)) * (1.0 / 9007199254740992.0); }
};

__device__ Words philox(u64 counter, u64 key) {
    u32 a = (u32)counter, b = (u32)(counter >> 32), c = 0, d = 0, k0 = (u32)key, k1 = (u32)(key >> 32);
    for (int round = 0; round < 10; ++round) {
        u64 p = (u64)0xD2511F53u * a, q = (u64)0xCD9E8D57u * c;
        a = (u32)(q >> 32) ^ b ^ k0;
        c = (u32)(p >> 32) ^ d ^ k1;
        b = (u32)q;
        d = (u32)p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return Words{{a, b, c, d}};
}

__device__ u64 my_block() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }

__device__ Words my_words(u64 key, u64 offset, const u64* more) {
    return philox((offset + (more ? more[0] : 0)) / 4 + my_block(), more ? key ^ more[1] : key);
}
