// Steps of the less used optimisers over any number of tensors, in one launch (table.cuh), rounded as in steps.cu.
//
// Where `rate` is not null it is the learning rate. How many steps a tensor has taken, this one included, and other numbers
// that are kept beside it are in columns of the table: the addresses of one number each, of 64 bits if `wide` and of 32 if
// not. Where the host counts, the addresses are 0, and `t` and what follows it are the numbers for all of them.

__device__ double number_of(const long long* table, int arrays, int column, Part part, bool wide, double same) {
    void* kept = my_array<void>(table, arrays, column, part);
    return !kept ? same : wide ? *(double*)kept : *(float*)kept;
}

__device__ void keep(long long place, bool wide, double number) {
    if (wide) *(double*)place = number;
    else *(float*)place = number;
}

__device__ double kept_at(long long place, bool wide) { return wide ? *(double*)place : *(float*)place; }

// One step more, for each tensor: the column is the counts.
extern "C" __global__ void count(const long long* table, int arrays, bool wide) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < arrays) keep(table[i], wide, kept_at(table[i], wide) + 1);
}

// https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adamax.html
// The columns: parameters, gradients, their means, the largest of them, counts.
extern "C" __global__ void adamax(
    const long long* table, int arrays, const float* rate, double lr, double decay, bool maximize, bool wide, double t,
    double beta1, double beta2, double eps) {
    __shared__ double by;
    Part part = my_part(table, arrays, 5);
    if (threadIdx.x == 0) by = -(rate ? *rate : lr) / (1 - pow(beta1, number_of(table, arrays, 4, part, wide, t)));
    __syncthreads();
    T *p = my_array<T>(table, arrays, 0, part), *g = my_array<T>(table, arrays, 1, part);
    T *m = my_array<T>(table, arrays, 2, part), *u = my_array<T>(table, arrays, 3, part);
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) {
        A value = A(p[i]), step = downhill(A(g[i]), value, A(decay), maximize);
        A mean = towards(A(m[i]), step, A(1 - beta1)), largest = A(u[i]) * A(beta2), now = fabs(step) + A(eps);
        if (!(largest > now || largest != largest)) largest = now;
        m[i] = T(mean);
        u[i] = T(largest);
        p[i] = T(value + A(by) * mean / largest);
    }
}

// https://docs.pytorch.org/docs/2.13/generated/torch.optim.NAdam.html
// How strong momentum is in step t.
__device__ double momentum_of(double t, double beta1, double slowing) {
    return beta1 * (1 - 0.5 * pow(0.96, t * slowing));
}

// One step more, and the product of all momenta so far; the columns: counts, products.
extern "C" __global__ void nadam_numbers(const long long* table, int arrays, bool wide, double beta1, double slowing) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= arrays) return;
    double t = kept_at(table[i], wide) + 1;
    keep(table[i], wide, t);
    keep(table[arrays + i], wide, kept_at(table[arrays + i], wide) * momentum_of(t, beta1, slowing));
}

// The columns: parameters, gradients, their means, the means of their squares, counts, products.
extern "C" __global__ void nadam(
    const long long* table, int arrays, const float* rate, double lr, double decay, bool maximize, bool wide, double t,
    double momenta, double beta1, double beta2, double eps, double slowing, bool apart) {
    __shared__ double by_step, by_mean, seen, shrink;
    Part part = my_part(table, arrays, 6);
    if (threadIdx.x == 0) {
        double now = number_of(table, arrays, 4, part, wide, t), product = number_of(table, arrays, 5, part, wide, momenta);
        double mu = momentum_of(now, beta1, slowing), next = momentum_of(now + 1, beta1, slowing), by = rate ? *rate : lr;
        by_step = -by * (1 - mu) / (1 - product);
        by_mean = -by * next / (1 - product * next);
        seen = 1 - pow(beta2, now);
        shrink = apart ? 1 - by * decay : 1;
    }
    __syncthreads();
    T *p = my_array<T>(table, arrays, 0, part), *g = my_array<T>(table, arrays, 1, part);
    T *m = my_array<T>(table, arrays, 2, part), *v = my_array<T>(table, arrays, 3, part);
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) {
        A value = A(p[i]) * A(shrink), step = downhill(A(g[i]), value, A(apart ? 0 : decay), maximize);
        A mean = towards(A(m[i]), step, A(1 - beta1)), square = mean_square(A(v[i]), step, beta2);
        A scale = sqrt(square / A(seen)) + A(eps);
        m[i] = T(mean);
        v[i] = T(square);
        p[i] = T(value + A(by_step) * step / scale + A(by_mean) * mean / scale);
    }
}

// https://docs.pytorch.org/docs/2.13/generated/torch.optim.RAdam.html
// The columns: parameters, gradients, their means, the means of their squares, counts.
extern "C" __global__ void radam(
    const long long* table, int arrays, const float* rate, double lr, double decay, bool maximize, bool wide, double t,
    double beta1, double beta2, double eps, bool apart) {
    __shared__ double by, rectified, shrink;  // rectified: 0 while too few gradients are known
    Part part = my_part(table, arrays, 5);
    if (threadIdx.x == 0) {
        double now = number_of(table, arrays, 4, part, wide, t), rates = rate ? *rate : lr, power = pow(beta2, now);
        double most = 2 / (1 - beta2) - 1, known = most - 2 * now * power / (1 - power);
        double rect = (known - 4) * (known - 2) * most / ((most - 4) * (most - 2) * known);
        by = -rates / (1 - pow(beta1, now));
        rectified = known > 5 ? sqrt(1 - power) * sqrt(rect) : 0;
        shrink = apart ? 1 - rates * decay : 1;
    }
    __syncthreads();
    T *p = my_array<T>(table, arrays, 0, part), *g = my_array<T>(table, arrays, 1, part);
    T *m = my_array<T>(table, arrays, 2, part), *v = my_array<T>(table, arrays, 3, part);
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) {
        A value = A(p[i]) * A(shrink), step = downhill(A(g[i]), value, A(apart ? 0 : decay), maximize);
        A mean = towards(A(m[i]), step, A(1 - beta1)), square = mean_square(A(v[i]), step, beta2);
        m[i] = T(mean);
        v[i] = T(square);
        p[i] = T(fma(A(by) * mean, rectified > 0 ? A(rectified) / (sqrt(square) + A(eps)) : A(1), value));
    }
}

// https://docs.pytorch.org/docs/2.13/generated/torch.optim.RMSprop.html
// The columns: parameters, gradients, the means of their squares, their means or none, momenta or none.
extern "C" __global__ void rmsprop(
    const long long* table, int arrays, const float* rate, double lr, double decay, bool maximize, bool wide, double t,
    double alpha, double eps, double momentum) {
    Part part = my_part(table, arrays, 5);
    T *p = my_array<T>(table, arrays, 0, part), *g = my_array<T>(table, arrays, 1, part);
    T *v = my_array<T>(table, arrays, 2, part), *m = my_array<T>(table, arrays, 3, part);
    T* b = my_array<T>(table, arrays, 4, part);
    A by = A(-(rate ? *rate : lr));
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) {
        A value = A(p[i]), step = downhill(A(g[i]), value, A(decay), maximize);
        A square = mean_square(A(v[i]), step, alpha);
        v[i] = T(square);
        if (m) {
            A mean = towards(A(m[i]), step, A(1 - alpha));
            m[i] = T(mean);
            square = fma(-mean, mean, square);
        }
        A scale = sqrt(square) + A(eps);
        if (b) {
            A kept = A(momentum) * A(b[i]) + step / scale;
            b[i] = T(kept);
            p[i] = T(fma(by, kept, value));
        } else {
            p[i] = T(value + by * step / scale);
        }
    }
}

// https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adadelta.html
// The columns: parameters, gradients, the means of their squares, the means of the changes' squares.
extern "C" __global__ void adadelta(
    const long long* table, int arrays, const float* rate, double lr, double decay, bool maximize, bool wide, double t,
    double rho, double eps) {
    Part part = my_part(table, arrays, 4);
    T *p = my_array<T>(table, arrays, 0, part), *g = my_array<T>(table, arrays, 1, part);
    T *v = my_array<T>(table, arrays, 2, part), *u = my_array<T>(table, arrays, 3, part);
    A by = A(-(rate ? *rate : lr));
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) {
        A value = A(p[i]), step = downhill(A(g[i]), value, A(decay), maximize), changed = A(u[i]);
        A square = mean_square(A(v[i]), step, rho), change = sqrt(changed + A(eps)) / sqrt(square + A(eps)) * step;
        v[i] = T(square);
        u[i] = T(mean_square(changed, change, rho));
        p[i] = T(fma(by, change, value));
    }
}

// https://docs.pytorch.org/docs/2.13/generated/torch.optim.ASGD.html
// The columns: parameters, gradients, means of the parameters, rates, shares in the means.
extern "C" __global__ void asgd(
    const long long* table, int arrays, const float* rate, double lr, double decay, bool maximize, bool wide, double t,
    double eta, double mu, double fading) {
    Part part = my_part(table, arrays, 5);
    T *p = my_array<T>(table, arrays, 0, part), *g = my_array<T>(table, arrays, 1, part);
    T* mean = my_array<T>(table, arrays, 2, part);
    double by = number_of(table, arrays, 3, part, wide, eta), share = number_of(table, arrays, 4, part, wide, mu);
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) {
        A value = A(p[i]), step = downhill(A(g[i]), value, A(decay), maximize);
        value = fma(A(-by), step, value * A(1 - fading * by));
        p[i] = T(value);
        mean[i] = T(share == 1 ? value : A(mean[i]) + (value - A(mean[i])) * A(share));
    }
}

// One step more, and the rate and share of the next one; the columns: counts, rates, shares.
extern "C" __global__ void asgd_numbers(
    const long long* table, int arrays, bool wide, const float* rate, double lr, double fading, double alpha, double begin) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= arrays) return;
    double t = kept_at(table[i], wide) + 1, by = rate ? *rate : lr, since = t - begin;
    keep(table[i], wide, t);
    keep(table[arrays + i], wide, by / pow(1 + fading * by * t, alpha));
    keep(table[2 * arrays + i], wide, 1 / (since > 1 ? since : 1));
}

// https://docs.pytorch.org/docs/2.13/generated/torch.optim.Rprop.html
// The columns: parameters, gradients, the ones before, the sizes of steps.
extern "C" __global__ void rprop(
    const long long* table, int arrays, const float* rate, double lr, double decay, bool maximize, bool wide, double t,
    double minus, double plus, double least, double most) {
    Part part = my_part(table, arrays, 4);
    T *p = my_array<T>(table, arrays, 0, part), *g = my_array<T>(table, arrays, 1, part);
    T *before = my_array<T>(table, arrays, 2, part), *size = my_array<T>(table, arrays, 3, part);
    for (long long i = part.first + threadIdx.x; i < part.last; i += blockDim.x) {
        A step = maximize ? -A(g[i]) : A(g[i]), agrees = step * A(before[i]);
        A length = A(size[i]) * A(agrees > 0 ? plus : agrees < 0 ? minus : 1);
        length = length < A(least) ? A(least) : length > A(most) ? A(most) : length;
        if (agrees < 0) step = 0;
        before[i] = T(step);
        size[i] = T(length);
        p[i] = T(A(p[i]) - (step > 0 ? A(1) : step < 0 ? A(-1) : step) * length);
    }
}
