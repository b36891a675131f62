// Normalisation: one block for each mean. x is (N, C, inner), and number j of row c is x[j / inner, c, j % inner]. Of a
// batch the row is a channel (and inner is 1 where channels lie last); of single samples N is 1, and the row is what is
// averaged. A weight and a bias are per row, or per place in a row. Pointers to what is not there or not wanted are null.
//
// The mean and the variance are found in one pass by Welford's method, and parts are joined by that of Chan, Golub and
// LeVeque, pairwise and always in the same order: no sum of squares that cancels.

#define THREADS 256

__device__ long long place(unsigned j, unsigned inner, int C, int c) {  // 32 bits: quick to divide
    return ((long long)(j / inner) * C + c) * inner + j % inner;
}

extern "C" __global__ void moments(
    const T* x, const A* w, const A* b, T* out, A* means, A* variances, A* inverses, int N, int C, int inner, bool by_place,
    double eps) {
    __shared__ A counts[THREADS], mean_of[THREADS], squares[THREADS];
    int mine = threadIdx.x, c = blockIdx.x;
    unsigned size = (unsigned)N * inner;
    A count = 0, mean = 0, square = 0;
    for (unsigned j = mine; j < size; j += THREADS) {
        A value = A(x[place(j, inner, C, c)]), away = value - mean;
        count += 1;
        mean += away / count;
        square += away * (value - mean);
    }
    counts[mine] = count;
    mean_of[mine] = mean;
    squares[mine] = square;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (mine < half && counts[mine + half] > 0) {
            A both = counts[mine] + counts[mine + half], away = mean_of[mine + half] - mean_of[mine];
            A share = counts[mine + half] / both;
            squares[mine] += squares[mine + half] + away * away * counts[mine] * share;
            mean_of[mine] += away * share;
            counts[mine] = both;
        }
        __syncthreads();
    }
    mean = mean_of[0];
    A variance = squares[0] / A(size), inverse = 1 / sqrt(variance + A(eps));
    if (mine == 0) {
        means[c] = mean;
        variances[c] = variance;
        inverses[c] = inverse;
    }
    for (unsigned j = mine; j < size; j += THREADS) {
        long long at = place(j, inner, C, c);
        unsigned learned = by_place ? j : c;
        out[at] = T((A(x[at]) - mean) * (w ? inverse * w[learned] : inverse) + (b ? b[learned] : A(0)));
    }
}

// By the running statistics instead: every number by itself.
extern "C" __global__ void by_running(
    const T* x, const A* w, const A* b, const A* means, const A* variances, T* out, A* inverses, long long count, int C,
    int inner, double eps) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    int c = i / inner % C;
    A inverse = 1 / sqrt(variances[c] + A(eps));
    out[i] = T((A(x[i]) - means[c]) * (w ? inverse * w[c] : inverse) + (b ? b[c] : A(0)));
    if (i / inner < C && i % inner == 0) inverses[c] = inverse;
}

// The inverse deviations alone.
extern "C" __global__ void deviations(const A* variances, A* inverses, int C, double eps) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c < C) inverses[c] = 1 / sqrt(variances[c] + A(eps));
}

// All gradients, given that of the result:
//     y = g w        db = sum of g        dw = sum of g x_hat        dx = (y - mean of y - x_hat * mean of y x_hat) / deviation
// and dx = y / deviation where the statistics were not the row's own. db and dw are for weights per row.
extern "C" __global__ void gradients(
    const T* g, const T* x, const A* w, const A* means, const A* inverses, T* dx, A* dw, A* db, int N, int C, int inner,
    bool by_place, bool own) {
    __shared__ A sums[THREADS], along[THREADS];
    int mine = threadIdx.x, c = blockIdx.x;
    unsigned size = (unsigned)N * inner;
    A mean = means[c], inverse = inverses[c], sum = 0, product = 0;
    for (unsigned j = mine; j < size; j += THREADS) {
        long long at = place(j, inner, C, c);
        A y = w && by_place ? A(g[at]) * w[j] : A(g[at]);
        sum += y;
        product += y * (A(x[at]) - mean) * inverse;
    }
    sums[mine] = sum;
    along[mine] = product;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (mine < half) {
            sums[mine] += sums[mine + half];
            along[mine] += along[mine + half];
        }
        __syncthreads();
    }
    if (mine == 0 && db) db[c] = sums[0];
    if (mine == 0 && dw) dw[c] = along[0];
    if (!dx) return;
    sum = own ? sums[0] / A(size) : A(0);
    product = own ? along[0] / A(size) : A(0);
    A scale = w && !by_place ? inverse * w[c] : inverse;
    for (unsigned j = mine; j < size; j += THREADS) {
        long long at = place(j, inner, C, c);
        A y = w && by_place ? A(g[at]) * w[j] : A(g[at]);
        dx[at] = T((y - sum - (A(x[at]) - mean) * inverse * product) * scale);
    }
}

// db and dw for weights per place: sums over all rows. A block has WIDE places, and its threads take rows in turn.
#define WIDE 32

extern "C" __global__ void of_places(
    const T* g, const T* x, const A* means, const A* inverses, A* dw, A* db, int rows, int size) {
    __shared__ A sums[THREADS], along[THREADS];
    int mine = threadIdx.x, j = blockIdx.x * WIDE + mine % WIDE;
    A sum = 0, product = 0;
    for (int c = mine / WIDE; c < rows && j < size; c += THREADS / WIDE) {
        long long at = (long long)c * size + j;
        sum += A(g[at]);
        product += A(g[at]) * (A(x[at]) - means[c]) * inverses[c];
    }
    sums[mine] = sum;
    along[mine] = product;
    __syncthreads();
    for (int half = THREADS / 2; half >= WIDE; half /= 2) {
        if (mine < half) {
            sums[mine] += sums[mine + half];
            along[mine] += along[mine + half];
        }
        __syncthreads();
    }
    if (mine >= WIDE || j >= size) return;
    if (db) db[j] = sums[mine];
    if (dw) dw[j] = along[mine];
}

// running += (batch - running) * momentum, of the variance with `unbiased` = n / (n - 1) times the batch's.
extern "C" __global__ void update_running(
    const A* means, const A* variances, T* running_mean, T* running_variance, int C, double momentum, double unbiased) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= C) return;
    A keep = A(1 - momentum), take = A(momentum);
    if (running_mean) running_mean[c] = T(A(running_mean[c]) * keep + means[c] * take);
    if (running_variance) running_variance[c] = T(A(running_variance[c]) * keep + variances[c] * A(unbiased) * take);
}
