// Steps of optimisers over any number of tensors, in one launch (table.cuh).
//
// Numbers are worked out in A and rounded once; where a product is added, too, there is one rounding, as in PyTorch. Where
// `*found` is not 0, a gradient is inf or NaN and nothing changes. Where `scale` is not null, gradients are divided by it
// first, and stay so. Where `rate` is not null it is the learning rate, a tensor that may change between replays of a graph.

// https://docs.pytorch.org/docs/2.13/generated/torch.optim.SGD.html
extern "C" __global__ void sgd(
    const long long* table, int arrays, const float* found, const float* scale, const float* rate, double lr,
    double momentum, double dampening, double decay, bool nesterov, bool maximize, bool fresh) {
    if (found && *found) return;
    Part part = my_part(table, arrays, 3);
    T *p = my_array<T>(table, arrays, 0, part), *g = my_array<T>(table, arrays, 1, part);
    T* b = my_array<T>(table, arrays, 2, part);
    A by = rate ? A(*rate) : A(lr);
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) {
        A value = A(p[i]), step = A(g[i]);
        if (scale) {
            step /= A(*scale);
            g[i] = T(step);
        }
        step = downhill(step, value, A(decay), maximize);
        if (b) {
            A kept = fresh ? step : fma(A(1 - dampening), step, A(momentum) * A(b[i]));
            b[i] = T(kept);
            step = nesterov ? fma(A(momentum), kept, step) : kept;
        }
        p[i] = T(fma(-by, step, value));
    }
}

// Steps that are counted on the device: one more each, and from their number t what Adam divides by, 1 - beta1^t and the
// square root of 1 - beta2^t. The table has one column, the counts.
extern "C" __global__ void count_steps(
    const long long* table, int arrays, double* divisors, const float* found, double beta1, double beta2, bool wide) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= arrays || (found && *found)) return;
    double t;
    if (wide) t = *(double*)table[i] += 1;
    else t = *(float*)table[i] += 1;
    divisors[2 * i] = 1 - pow(beta1, t);
    divisors[2 * i + 1] = sqrt(1 - pow(beta2, t));
}

// https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adam.html
// `first` is 1 - beta1^t and `root` the square root of 1 - beta2^t, unless `divisors` tells both for each tensor. The
// columns: parameters, gradients, their means, the means of their squares, the largest of these or none.
extern "C" __global__ void adam(
    const long long* table, int arrays, const float* found, const float* scale, const float* rate, const double* divisors,
    double lr, double first, double root, double beta1, double beta2, double eps, double decay, bool apart, bool maximize) {
    if (found && *found) return;
    Part part = my_part(table, arrays, 5);
    T *p = my_array<T>(table, arrays, 0, part), *g = my_array<T>(table, arrays, 1, part);
    T *m = my_array<T>(table, arrays, 2, part), *v = my_array<T>(table, arrays, 3, part);
    T* highest = my_array<T>(table, arrays, 4, part);
    if (rate) lr = *rate;
    if (divisors) first = divisors[2 * part.array], root = divisors[2 * part.array + 1];
    A by = A(-lr / first), deviation = A(root), shrink = apart ? A(1 - lr * decay) : A(1);
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) {
        A value = A(p[i]) * shrink, step = A(g[i]);
        if (scale) {
            step /= A(*scale);
            g[i] = T(step);
        }
        step = downhill(step, value, A(apart ? 0 : decay), maximize);
        A mean = towards(A(m[i]), step, A(1 - beta1)), square = mean_square(A(v[i]), step, beta2);
        m[i] = T(mean);
        v[i] = T(square);
        if (highest) {
            if (A(highest[i]) > square || A(highest[i]) != A(highest[i])) square = A(highest[i]);
            highest[i] = T(square);
        }
        p[i] = T(value + by * mean / (sqrt(square) / deviation + A(eps)));
    }
}

// Gradients multiplied by `*inverse`; `*found` becomes 1 where one is inf or NaN before: whoever finds it writes the same.
extern "C" __global__ void unscale(const long long* table, int arrays, float* found, const float* inverse) {
    Part part = my_part(table, arrays, 1);
    T* g = my_array<T>(table, arrays, 0, part);
    A by = A(*inverse);
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) {
        A value = A(g[i]);
        if (!isfinite(value)) *found = 1;
        g[i] = T(value * by);
    }
}

// Every number set to 0: gradients that keep their memory.
extern "C" __global__ void clear(const long long* table, int arrays) {
    Part part = my_part(table, arrays, 1);
    T* g = my_array<T>(table, arrays, 0, part);
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) g[i] = T(0);
}

// Gradients scaled so that their joint norm `*total` becomes at most `most`; nothing changes where it is.
// https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.clip_grad_norm_.html
extern "C" __global__ void clip(const long long* table, int arrays, const T* total, double most) {
    Part part = my_part(table, arrays, 1);
    T* g = my_array<T>(table, arrays, 0, part);
    A by = A(T(A(most) / A(T(A(*total) + A(1e-6)))));
    if (by > 1) by = 1;
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) g[i] = T(A(g[i]) * by);
}
