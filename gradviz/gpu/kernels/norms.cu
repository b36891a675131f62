// The norm of all numbers of many arrays (table.cuh), in two launches: a sum for each block, then the sum of these.
//
// `order` is a power above 0, or infinity: then sums are maxima, of which NaN is the largest. Sums are added up pairwise,
// always in the same order.

#define THREADS 256

extern "C" __global__ void norm_parts(const long long* table, int arrays, A* parts, double order) {
    __shared__ A shared[THREADS];
    Part part = my_part(table, arrays, 1);
    const T* x = my_array<T>(table, arrays, 0, part);
    bool largest = isinf(order);
    A sum = 0;
    for (long long i = part.first + threadIdx.x; i < part.last; i += THREADS) {
        A size = A(x[i]);
        if (size < 0) size = -size;
        sum = joined(sum, largest || order == 1 ? size : order == 2 ? size * size : pow(size, A(order)), largest);
    }
    sum = together(sum, shared, largest);
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

extern "C" __global__ void norm_of_parts(const A* parts, int count, T* out, double order) {
    __shared__ A shared[THREADS];
    bool largest = isinf(order);
    A sum = 0;
    for (int i = threadIdx.x; i < count; i += THREADS) sum = joined(sum, parts[i], largest);
    sum = together(sum, shared, largest);
    if (threadIdx.x == 0) *out = T(largest || order == 1 ? sum : order == 2 ? sqrt(sum) : pow(sum, 1 / A(order)));
}
