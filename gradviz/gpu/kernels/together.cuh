// What the threads of a block found, put together pairwise, always in the same order: a sum, or the largest, of which NaN
// is the largest of all. A block has a power of two of threads.

__device__ A joined(A a, A b, bool largest) { return !largest ? a + b : b > a || b != b ? b : a; }

// Of all threads' numbers one; all of them get it.
__device__ A together(A mine, A* shared, bool largest) {
    shared[threadIdx.x] = mine;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) shared[threadIdx.x] = joined(shared[threadIdx.x], shared[threadIdx.x + half], largest);
        __syncthreads();
    }
    return shared[0];
}
