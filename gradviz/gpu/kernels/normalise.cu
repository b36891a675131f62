// Normalisation: one block for each mean. x is (N, C, inner), and number j of row c is x[j / inner, c, j % inner]: of a
// batch the row is a channel; of single samples N is 1, and the row is what is averaged.
//
// The mean and the variance are found in one pass by Welford's method, and parts are joined by that of Chan, Golub and
// LeVeque, pairwise and always in the same order: no sum of squares that cancels.

#define THREADS 256

extern "C" __global__ void moments(
    const T* x, const T* w, const T* b, T* out, A* means, A* variances, A* inverses, int N, int C, int inner, double eps) {
    __shared__ A counts[THREADS], mean_of[THREADS], squares[THREADS];
    int mine = threadIdx.x, c = blockIdx.x;
    unsigned size = (unsigned)N * inner, width = inner;  // 32 bits: quick to divide
    A count = 0, mean = 0, square = 0;
    for (unsigned j = mine; j < size; j += THREADS) {
        A value = A(x[((long long)(j / width) * C + c) * width + j % width]), away = value - mean;
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
    A factor = w ? inverse * A(w[c]) : inverse, shift = b ? A(b[c]) : A(0);
    for (unsigned j = mine; j < size; j += THREADS) {
        long long at = ((long long)(j / width) * C + c) * width + j % width;
        out[at] = T((A(x[at]) - mean) * factor + shift);
    }
}

// The gradient of x given y, that of x_hat: (y - its mean - its part along x_hat) / deviation.
extern "C" __global__ void x_hat_input(
    const T* y, const T* x, const A* means, const A* inverses, T* out, int N, int C, int inner) {
    __shared__ A sums[THREADS], along[THREADS];
    int mine = threadIdx.x, c = blockIdx.x;
    unsigned size = (unsigned)N * inner, width = inner;  // 32 bits: quick to divide
    A mean = means[c], inverse = inverses[c], sum = 0, product = 0;
    for (unsigned j = mine; j < size; j += THREADS) {
        long long at = ((long long)(j / width) * C + c) * width + j % width;
        sum += A(y[at]);
        product += A(y[at]) * (A(x[at]) - mean) * inverse;
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
    sum = sums[0] / A(size);
    product = along[0] / A(size);
    for (unsigned j = mine; j < size; j += THREADS) {
        long long at = ((long long)(j / width) * C + c) * width + j % width;
        out[at] = T((A(y[at]) - sum - (A(x[at]) - mean) * inverse * product) * inverse);
    }
}
