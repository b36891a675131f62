// Max pooling: the largest number of each window and where it was, and gradients put back there.
//
// Pictures are volumes of depth 1. An index counts places of one volume, row by row. The first largest is chosen, or the
// last NaN; where nothing is larger than the border, the first place inside, as in PyTorch.

extern "C" __global__ void max_pool(
    const T* x, T* out, long long* indices, long long count, int D, int H, int W, int KD, int KH, int KW, int OD, int OH,
    int OW, int SD, int SH, int SW, int PD, int PH, int PW, int LD, int LH, int LW) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    int w0 = i % OW * SW - PW, h0 = i / OW % OH * SH - PH, d0 = i / ((long long)OW * OH) % OD * SD - PD;
    const T* volume = x + i / ((long long)OW * OH * OD) * D * H * W;
    // The first place of the window that is inside.
    int d1 = d0 < 0 ? d0 + (-d0 + LD - 1) / LD * LD : d0, h1 = h0 < 0 ? h0 + (-h0 + LH - 1) / LH * LH : h0;
    int w1 = w0 < 0 ? w0 + (-w0 + LW - 1) / LW * LW : w0;
    long long best = ((long long)d1 * H + h1) * W + w1;
    A largest = A(__uint_as_float(0xff800000u));  // minus infinity
    for (int d = d1; d < D && d < d0 + KD * LD; d += LD)
        for (int h = h1; h < H && h < h0 + KH * LH; h += LH)
            for (int w = w1; w < W && w < w0 + KW * LW; w += LW) {
                long long place = ((long long)d * H + h) * W + w;
                A value = A(volume[place]);
                if (value > largest || value != value) {
                    largest = value;
                    best = place;
                }
            }
    out[i] = T(largest);
    indices[i] = best;
}

// Windows that do not overlap: no two numbers go to the same place of `out`, which is all zeros.
extern "C" __global__ void put(const T* y, const long long* indices, T* out, long long count, int each, int volume) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i / each * volume + indices[i]] = y[i];
}

// Windows that overlap: one block for each volume, in which a thread owns every blockDim-th place. All look at all numbers,
// each adds up those that go to places of its own: no atomics, and always in the same order.
extern "C" __global__ void put_together(const T* y, const long long* indices, T* out, int each, int volume) {
    const T* mine = y + (long long)blockIdx.x * each;
    const long long* at = indices + (long long)blockIdx.x * each;
    T* into = out + (long long)blockIdx.x * volume;
    for (int i = threadIdx.x; i < volume; i += blockDim.x) into[i] = T(0);
    for (int i = 0; i < each; ++i)
        if (at[i] % blockDim.x == threadIdx.x) into[at[i]] = T(A(into[at[i]]) + A(mine[i]));
}
