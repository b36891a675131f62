// The loss of a chosen class, and its gradient. x is (N, C, inner), target (N, inner), weight (C) or null.
//
// A sample counts unless its target is `ignored`. One out of range sets `bad`, for the host to find, and does not count.

#define THREADS 256

// One block adds all samples up, pairwise, always in the same order: the weighted sum, or mean, and the sum of weights.
extern "C" __global__ void nll_loss(
    const T* x, const long long* target, const T* weight, T* out, T* total, bool* bad, long long count, int classes,
    int inner, long long ignored, bool mean) {
    __shared__ A sums[THREADS], weights[THREADS];
    __shared__ int wrong[THREADS];
    int mine = threadIdx.x;
    A sum = 0, each = 0;
    int outside = 0;
    for (long long i = mine; i < count; i += THREADS) {
        long long t = target[i];
        if (t == ignored) continue;
        if (t < 0 || t >= classes) {
            outside = 1;
            continue;
        }
        A w = weight ? A(weight[t]) : A(1);
        if (w != 0) sum += w * A(x[(i / inner * classes + t) * inner + i % inner]);
        each += w;
    }
    sums[mine] = sum;
    weights[mine] = each;
    wrong[mine] = outside;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (mine < half) {
            sums[mine] += sums[mine + half];
            weights[mine] += weights[mine + half];
            wrong[mine] |= wrong[mine + half];
        }
        __syncthreads();
    }
    if (mine == 0) {
        *out = T(mean ? -sums[0] * (1 / weights[0]) : -sums[0]);
        *total = T(weights[0]);
        *bad = wrong[0] != 0;
    }
}

// One thread for each number of the gradient; y is one number for all samples, or one for each.
extern "C" __global__ void nll_loss_input(
    const T* y, const long long* target, const T* weight, const T* total, T* out, long long count, int classes, int inner,
    long long ignored, bool mean, bool apart) {
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= count) return;
    long long i = at / inner / classes * inner + at % inner, t = target[i];
    A w = weight && t >= 0 && t < classes ? A(weight[t]) : A(1);
    bool counts = t == at / inner % classes && t != ignored && w != 0;
    A share = mean ? -A(*y) * (1 / A(*total)) : -A(y[apart ? i : 0]);
    out[at] = T(counts ? share * w : A(0));
}
