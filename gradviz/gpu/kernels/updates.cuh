// What the steps of several optimisers have in common (steps.cu, rules.cu).

// From `a` towards `b` by a share of the way, starting from the nearer of the two.
__device__ A towards(A a, A b, A share) {
    A way = b - a;
    return share < A(0.5) ? fma(share, way, a) : fma(share - 1, way, b);
}

// A running mean of squares, with one more of them.
__device__ A mean_square(A mean, A step, double beta) { return fma(A(1 - beta) * step, step, A(beta) * mean); }

// A gradient as a formula takes it: turned around to climb, with weight decay added.
__device__ A downhill(A step, A value, A decay, bool maximize) {
    if (maximize) step = -step;
    return decay != 0 ? fma(decay, value, step) : step;
}
