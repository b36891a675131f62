// Values that must not be: the first that is found is noted in a cell of two numbers, which check it was and what value, and
// stays there until the host looks. Nothing is raised here, and nothing waits. Of several threads that find one, any wins.

template <class I>
__device__ void look(const I* values, long long count, long long low, long long high, long long* cell, long long check) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count || cell[0]) return;
    long long value = values[i];
    if (value >= low && value < high) return;
    cell[1] = value;
    cell[0] = check;
}

#define WITHIN(name, I)                                                                                            \
    extern "C" __global__ void name(                                                                               \
        const I* values, long long count, long long low, long long high, long long* cell, long long check) {       \
        look(values, count, low, high, cell, check);                                                               \
    }
WITHIN(within_int64, long long)
WITHIN(within_int32, int)
WITHIN(within_uint8, unsigned char)
WITHIN(within_bool, bool)
