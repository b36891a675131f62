// Softmax and its logarithm, one block for each row: the largest, then the sum of what is left, then the result. And the
// gradients of both.
//
// A row is `size` numbers that lie `inner` apart. Sums are added up pairwise, always in the same order.

#define THREADS 128

extern "C" __global__ void softmax(const T* x, T* out, int size, int inner, bool logarithm) {
    __shared__ A part[THREADS];
    int mine = threadIdx.x;
    long long start = (long long)(blockIdx.x / inner) * size * inner + blockIdx.x % inner;
    A largest = A(__uint_as_float(0xff800000u));  // minus infinity
    for (int i = mine; i < size; i += THREADS) largest = joined(largest, A(x[start + (long long)i * inner]), true);
    largest = together(largest, part, true);
    __syncthreads();
    A sum = 0;
    for (int i = mine; i < size; i += THREADS) sum += exp(A(x[start + (long long)i * inner]) - largest);
    sum = together(sum, part, false);
    A log_sum = log(sum);
    for (int i = mine; i < size; i += THREADS) {
        long long at = start + (long long)i * inner;
        A moved = A(x[at]) - largest;
        out[at] = T(logarithm ? moved - log_sum : exp(moved) / sum);
    }
}

// The gradient of the input, from that of the result s: s (y - sum of y s), or of its logarithm: y - exp(s) (sum of y).
extern "C" __global__ void softmax_input(const T* y, const T* s, T* out, int size, int inner, bool logarithm) {
    __shared__ A part[THREADS];
    int mine = threadIdx.x;
    long long start = (long long)(blockIdx.x / inner) * size * inner + blockIdx.x % inner;
    A sum = 0;
    for (int i = mine; i < size; i += THREADS) {
        long long at = start + (long long)i * inner;
        sum += logarithm ? A(y[at]) : A(y[at]) * A(s[at]);
    }
    sum = together(sum, part, false);
    for (int i = mine; i < size; i += THREADS) {
        long long at = start + (long long)i * inner;
        A back = A(y[at]), result = A(s[at]);
        out[at] = T(logarithm ? back - exp(result) * sum : result * (back - sum));
    }
}
