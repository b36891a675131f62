// The loss of a chosen class, and its gradient. x is (N, C, inner), target (N, inner), weight (C) or null.
//
// A sample counts unless its target is `ignored`. One out of range does not count, and the first is noted in `cell`, for the
// host to find: which check it was, and the target (checks.cu).

#define THREADS 256

// One block adds all samples up, pairwise, always in the same order: the weighted sum, or mean, and the sum of weights.
extern "C" __global__ void nll_loss(
    const T* x, const long long* target, const T* weight, T* out, T* total, long long* cell, long long check,
    long long count, int classes, int inner, long long ignored, bool mean) {
    __shared__ A sums[THREADS], weights[THREADS];
    __shared__ long long wrong[THREADS];  // the first sample out of range, or count
    int mine = threadIdx.x;
    A sum = 0, each = 0;
    long long outside = count;
    for (long long i = mine; i < count; i += THREADS) {
        long long t = target[i];
        if (t == ignored) continue;
        if (t < 0 || t >= classes) {
            outside = outside < i ? outside : i;
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
            if (wrong[mine + half] < wrong[mine]) wrong[mine] = wrong[mine + half];
        }
        __syncthreads();
    }
    if (mine == 0) {
        *out = T(mean ? -sums[0] * (1 / weights[0]) : -sums[0]);
        *total = T(weights[0]);
        if (wrong[0] < count && !cell[0]) {
            cell[1] = target[wrong[0]];
            cell[0] = check;
        }
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
