// Rows added up where their numbers say, the gradient of an embedding: the numbers are sorted, and each place of the table
// finds its rows among them. No atomics, and always the same order: that of the rows.

extern "C" __global__ void add_rows(
    const T* x, const long long* sorted, const long long* order, T* out, long long table, long long count, int width) {
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= table * width) return;
    long long row = at / width, first = 0, last = count;  // the first place in `sorted` that is not below `row`
    while (first < last) {
        long long middle = (first + last) / 2;
        if (sorted[middle] < row) first = middle + 1;
        else last = middle;
    }
    A sum = A(0);
    for (; first < count && sorted[first] == row; ++first) sum += A(x[order[first] * width + at % width]);
    out[at] = T(sum);
}
