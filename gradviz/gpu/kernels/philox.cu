// Random numbers of all kinds by their place in a stream (philox.cuh).

// The natural logarithm for 2^-53 <= x <= 1: x = f 2^e with f near 1, and log f = 2 artanh((f - 1) / (f + 1)).
__device__ double log_unit(double x) {
    int e = 0;
    while (x < 0.70710678118654757) {
        x *= 2.0;
        e -= 1;
    }
    double s = (x - 1.0) / (x + 1.0), z = s * s, sum = 0.0;
    for (int k = 23; k > 0; k -= 2) sum = sum * z + 1.0 / k;
    return (double)e * 0.69314718055994529 + 2.0 * s * sum;
}

// The cosine and sine of u turns, 0 <= u < 1: to the nearest quarter of a turn, and polynomials for the rest.
__device__ void turn(double u, double& cosine, double& sine) {
    int quarter = (int)(u * 4.0 + 0.5);
    double y = (u * 4.0 - quarter) * 1.5707963267948966, z = y * y, c = 0.0, s = 0.0;
    for (int k = 16; k > 0; k -= 2) c = (1.0 - c) * z / (k * (k - 1.0));
    for (int k = 16; k > 0; k -= 2) s = (1.0 - s) * z / (k * (k + 1.0));
    c = 1.0 - c;
    s = (1.0 - s) * y;
    switch (quarter & 3) {
        case 0: cosine = c; sine = s; break;
        case 1: cosine = -s; sine = c; break;
        case 2: cosine = -c; sine = -s; break;
        default: cosine = s; sine = -c;
    }
}

extern "C" {

__global__ void words(u64 key, u64 offset, const u64* more, u32* out, u64 n) {
    Words w = my_words(key, offset, more);
    u64 first = my_block() * 4;
    for (int i = 0; i < 4; ++i)
        if (first + i < n) out[first + i] = w.w[i];
}

__global__ void uniform32(u64 key, u64 offset, const u64* more, float* out, u64 n, double low, double high) {
    Words w = my_words(key, offset, more);
    u64 first = my_block() * 4;
    for (int i = 0; i < 4; ++i) {
        double unit = (double)(w.w[i] & ((1u << 24) - 1)) * (1.0 / 16777216.0);
        float drawn = (float)(unit * (high - low) + low);
        if (first + i < n) out[first + i] = drawn < (float)high ? drawn : (float)low;  // rounding may reach `high`
    }
}

__global__ void uniform64(u64 key, u64 offset, const u64* more, double* out, u64 n, double low, double high) {
    Words w = my_words(key, offset, more);
    u64 first = my_block() * 2;
    for (int i = 0; i < 2; ++i) {
        double drawn = w.unit(i) * (high - low) + low;
        if (first + i < n) out[first + i] = drawn < high ? drawn : low;
    }
}

// Two normal numbers from two uniform ones (Box and Muller, 1958).
#define NORMAL(name, T)                                                                                          \
    __global__ void name(u64 key, u64 offset, const u64* more, T* out, u64 n, double mean, double std) {         \
        Words w = my_words(key, offset, more);                                                                   \
        u64 first = my_block() * 2;                                                                              \
        double cosine, sine, radius = sqrt(-2.0 * log_unit(1.0 - w.unit(0)));                                    \
        turn(w.unit(1), cosine, sine);                                                                           \
        if (first < n) out[first] = (T)(radius * cosine * std + mean);                                           \
        if (first + 1 < n) out[first + 1] = (T)(radius * sine * std + mean);                                     \
    }
NORMAL(normal32, float)
NORMAL(normal64, double)

__global__ void exponential(u64 key, u64 offset, const u64* more, double* out, u64 n, double rate) {
    Words w = my_words(key, offset, more);
    u64 first = my_block() * 2;
    for (int i = 0; i < 2; ++i)
        if (first + i < n) out[first + i] = -log_unit(1.0 - w.unit(i)) / rate;
}

// Integers low ... low + span - 1; span 0 stands for all 2^64 of them.
__global__ void integers(u64 key, u64 offset, const u64* more, u64* out, u64 n, u64 span, u64 low) {
    Words w = my_words(key, offset, more);
    u64 first = my_block() * 4;
    for (int i = 0; i < 4; ++i)
        if (first + i < n) out[first + i] = w.w[i] % span + low;
}

__global__ void wide_integers(u64 key, u64 offset, const u64* more, u64* out, u64 n, u64 span, u64 low) {
    Words w = my_words(key, offset, more);
    u64 first = my_block() * 2;
    for (int i = 0; i < 2; ++i)
        if (first + i < n) out[first + i] = (span ? w.wide(i) % span : w.wide(i)) + low;
}

__global__ void bernoulli(u64 key, u64 offset, const u64* more, unsigned char* out, u64 n, double p) {
    Words w = my_words(key, offset, more);
    u64 first = my_block() * 2;
    for (int i = 0; i < 2; ++i)
        if (first + i < n) out[first + i] = w.unit(i) < p;
}

}  // extern "C"
