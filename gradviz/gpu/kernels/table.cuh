// Many arrays in one launch. A table of 64-bit numbers on the device tells where they are (gradviz/gpu/table.py): for each
// column, parameters or gradients or a kind of state, the addresses of all arrays (0 where there is none); then their sizes;
// then the block at which each array begins. A block works on at most CHUNK numbers of one array.

#define CHUNK 2048

struct Part {
    int array;
    long long first, last;
};

// What this block is to do: the last array that begins at this block or before, and where in it.
__device__ Part my_part(const long long* table, int arrays, int columns) {
    const long long *sizes = table + (long long)columns * arrays, *begins = sizes + arrays;
    int low = 0, high = arrays;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (begins[middle] <= (long long)blockIdx.x) low = middle;
        else high = middle;
    }
    long long first = ((long long)blockIdx.x - begins[low]) * CHUNK, left = sizes[low] - first;
    return Part{low, first, first + (left < CHUNK ? left : CHUNK)};
}

template <class N>
__device__ N* my_array(const long long* table, int arrays, int column, Part part) {
    return (N*)table[(long long)column * arrays + part.array];
}
