// The factors of dropout: `value` with probability p, else 0. They are drawn as the kernel `bernoulli` draws its truths.

extern "C" __global__ void dropout_noise(u64 key, u64 offset, const u64* more, T* out, u64 n, double p, double value) {
    Words w = my_words(key, offset, more);
    u64 first = my_block() * 2;
    for (int i = 0; i < 2; ++i)
        if (first + i < n) out[first + i] = w.unit(i) < p ? T(A(value)) : T(A(0));
}
