// Steps of optimisers: up to 12 tensors in one launch, block row y for tensor y. What is not there is null and 0 long.
//
// Numbers are worked out in A and rounded once; where a product is added, too, there is one rounding, as in PyTorch. Where `*found` is not 0, a gradient is inf or NaN and nothing changes.

#define EACH(USE) USE(0), USE(1), USE(2), USE(3), USE(4), USE(5), USE(6), USE(7), USE(8), USE(9), USE(10), USE(11)
#define CASES(USE) \
    USE(0) USE(1) USE(2) USE(3) USE(4) USE(5) USE(6) USE(7) USE(8) USE(9) USE(10) USE(11)

// https://docs.pytorch.org/docs/2.13/generated/torch.optim.SGD.html
#define SGD_TENSOR(i) T *p##i, const T *g##i, T *b##i, long long n##i
#define SGD_CASE(i) case i: p = p##i, g = g##i, b = b##i, n = n##i; break;
extern "C" __global__ void sgd(
    EACH(SGD_TENSOR), const float* found, double lr, double momentum, double dampening, double decay, bool nesterov,
    bool maximize, bool fresh) {
    T *p = nullptr, *b = nullptr;
    const T* g = nullptr;
    long long n = 0;
    switch (blockIdx.y) { CASES(SGD_CASE) }
    if (found && *found) return;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
        A value = A(p[i]), step = maximize ? -A(g[i]) : A(g[i]);
        if (decay != 0) step = fma(A(decay), value, step);
        if (b) {
            A kept = fresh ? step : fma(A(1 - dampening), step, A(momentum) * A(b[i]));
            b[i] = T(kept);
            step = nesterov ? fma(A(momentum), kept, step) : kept;
        }
        p[i] = T(fma(A(-lr), step, value));
    }
}

// https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adam.html
// `rate` is lr / (1 - beta1^t) and `root` the square root of 1 - beta2^t; `shrink` is 1 - lr * decay where it is decoupled.
#define ADAM_TENSOR(i) T *p##i, const T *g##i, T *m##i, T *v##i, T *h##i, long long n##i
#define ADAM_CASE(i) case i: p = p##i, g = g##i, m = m##i, v = v##i, highest = h##i, n = n##i; break;
extern "C" __global__ void adam(
    EACH(ADAM_TENSOR), const float* found, double rate, double root, double beta1, double beta2, double eps, double decay,
    double shrink, bool maximize) {
    T *p = nullptr, *m = nullptr, *v = nullptr, *highest = nullptr;
    const T* g = nullptr;
    long long n = 0;
    switch (blockIdx.y) { CASES(ADAM_CASE) }
    if (found && *found) return;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
        A value = A(p[i]) * A(shrink), step = maximize ? -A(g[i]) : A(g[i]);
        if (decay != 0) step = fma(A(decay), value, step);
        A mean = A(m[i]), square = fma(A(1 - beta2) * step, step, A(beta2) * A(v[i]));
        A way = step - mean, share = A(1 - beta1);  // from the nearer end
        mean = share < A(0.5) ? fma(share, way, mean) : fma(share - 1, way, step);
        m[i] = T(mean);
        v[i] = T(square);
        if (highest) {
            if (A(highest[i]) > square || A(highest[i]) != A(highest[i])) square = A(highest[i]);
            highest[i] = T(square);
        }
        p[i] = T(value + A(-rate) * mean / (sqrt(square) / A(root) + A(eps)));
    }
}

// Gradients multiplied by `*inverse`; `*found` becomes 1 where one is inf or NaN before: whoever finds it writes the same.
#define GRADIENT(i) T *g##i, long long n##i
#define GRADIENT_CASE(i) case i: g = g##i, n = n##i; break;
extern "C" __global__ void unscale(EACH(GRADIENT), float* found, const float* inverse) {
    T* g = nullptr;
    long long n = 0;
    switch (blockIdx.y) { CASES(GRADIENT_CASE) }
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x) {
        A value = A(g[i]);
        if (!isfinite(value)) *found = 1;
        g[i] = T(value * A(*inverse));
    }
}
