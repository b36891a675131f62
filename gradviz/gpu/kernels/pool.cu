// Pooling: the largest number or the mean of each window, and gradients sent back to where they came from.
//
// Pictures are volumes of depth 1. Where channels lie last, C of them lie together; otherwise C is 1, and each channel of
// each sample is a volume of its own. An index counts the places of one volume, row by row. The first largest is chosen, or
// the last NaN; where nothing is larger than the border, the first place inside, as in PyTorch.
//
// Back, each number of x gathers from the windows that it may be in: no two threads write to one place, and the order of the
// sum is always the same.

#define SIZES \
    int C, int D, int H, int W, int KD, int KH, int KW, int OD, int OH, int OW, int SD, int SH, int SW, int PD, int PH, \
        int PW, int LD, int LH, int LW

// Where number i of an array of volumes of d x h x w places is: its place, and the number of its volume and channel, so that
// place p of a volume of `size` places is at (volume * size + p) * C + channel.
struct Spot {
    int d, h, w, channel;
    long long volume;
    __device__ Spot(long long i, int C, int depth, int height, int width) {
        channel = i % C;
        i /= C;
        w = i % width;
        h = i / width % height;
        d = i / ((long long)width * height) % depth;
        volume = i / ((long long)width * height * depth);
    }
};

// The first window that reaches place i, where windows reach `reach` places on and begin `padding` before the first.
__device__ int first_window(int i, int reach, int step, int padding) {
    int from = i + padding - reach + 1;
    return from > 0 ? (from + step - 1) / step : 0;
}

extern "C" __global__ void max_pool(const T* x, T* out, long long* indices, long long count, SIZES) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    Spot o(i, C, OD, OH, OW);
    int d0 = o.d * SD - PD, h0 = o.h * SH - PH, w0 = o.w * SW - PW;
    const T* volume = x + o.volume * D * H * W * C + o.channel;
    // The first place of the window that is inside.
    int d1 = d0 < 0 ? d0 + (-d0 + LD - 1) / LD * LD : d0, h1 = h0 < 0 ? h0 + (-h0 + LH - 1) / LH * LH : h0;
    int w1 = w0 < 0 ? w0 + (-w0 + LW - 1) / LW * LW : w0;
    long long best = ((long long)d1 * H + h1) * W + w1;
    A largest = A(__uint_as_float(0xff800000u));  // minus infinity
    for (int d = d1; d < D && d < d0 + KD * LD; d += LD)
        for (int h = h1; h < H && h < h0 + KH * LH; h += LH)
            for (int w = w1; w < W && w < w0 + KW * LW; w += LW) {
                long long place = ((long long)d * H + h) * W + w;
                A value = A(volume[place * C]);
                if (value > largest || value != value) {
                    largest = value;
                    best = place;
                }
            }
    out[i] = T(largest);
    indices[i] = best;
}

// Windows that have chosen this place: of all that could reach it, padded by as much as may be, which is half a window.
extern "C" __global__ void max_pool_input(const T* g, const long long* indices, T* dx, long long count, SIZES) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    Spot x(i, C, D, H, W);
    int rd = LD * (KD - 1) + 1, rh = LH * (KH - 1) + 1, rw = LW * (KW - 1) + 1;
    long long place = ((long long)x.d * H + x.h) * W + x.w, first = x.volume * OD * OH * OW;
    A sum = A(0);
    for (int d = first_window(x.d, rd, SD, 0); d < OD && d * SD <= x.d + rd / 2; ++d)
        for (int h = first_window(x.h, rh, SH, 0); h < OH && h * SH <= x.h + rh / 2; ++h)
            for (int w = first_window(x.w, rw, SW, 0); w < OW && w * SW <= x.w + rw / 2; ++w) {
                long long at = (first + ((long long)d * OH + h) * OW + w) * C + x.channel;
                if (indices[at] == place) sum += A(g[at]);
            }
    dx[i] = T(sum);
}

// Along one dimension: where a window begins and ends, in the picture and its border, and in the picture alone.
struct Side {
    int begin, end, size;
    __device__ Side(int o, int kernel, int step, int padding, int length) {
        begin = o * step - padding;
        end = begin + kernel < length + padding ? begin + kernel : length + padding;
        size = end - begin;
        begin = begin > 0 ? begin : 0;
        end = end < length ? end : length;
    }
    __device__ int counted(bool border) const { return border ? size : end - begin; }
};

// What a sum is divided by: a number that is given, or how many places the window has, with the border or without.
__device__ A divisor(Side d, Side h, Side w, bool border, int given) {
    return given ? A(given) : A((long long)d.counted(border) * h.counted(border) * w.counted(border));
}

extern "C" __global__ void avg_pool(const T* x, T* out, long long count, SIZES, bool border, int given) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    Spot o(i, C, OD, OH, OW);
    Side in_d(o.d, KD, SD, PD, D), in_h(o.h, KH, SH, PH, H), in_w(o.w, KW, SW, PW, W);
    const T* volume = x + o.volume * D * H * W * C + o.channel;
    A sum = A(0);
    for (int d = in_d.begin; d < in_d.end; ++d)
        for (int h = in_h.begin; h < in_h.end; ++h)
            for (int w = in_w.begin; w < in_w.end; ++w) sum += A(volume[(((long long)d * H + h) * W + w) * C]);
    out[i] = T(sum / divisor(in_d, in_h, in_w, border, given));
}

extern "C" __global__ void avg_pool_input(const T* g, T* dx, long long count, SIZES, bool border, int given) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    Spot x(i, C, D, H, W);
    const T* volume = g + x.volume * OD * OH * OW * C + x.channel;
    A sum = A(0);
    for (int d = first_window(x.d, KD, SD, PD); d < OD && d * SD <= x.d + PD; ++d) {
        Side in_d(d, KD, SD, PD, D);
        for (int h = first_window(x.h, KH, SH, PH); h < OH && h * SH <= x.h + PH; ++h) {
            Side in_h(h, KH, SH, PH, H);
            for (int w = first_window(x.w, KW, SW, PW); w < OW && w * SW <= x.w + PW; ++w) {
                Side in_w(w, KW, SW, PW, W);
                sum += A(volume[(((long long)d * OH + h) * OW + w) * C]) / divisor(in_d, in_h, in_w, border, given);
            }
        }
    }
    dx[i] = T(sum);
}

// By indices alone. Windows that do not overlap: no two numbers go to the same place of `out`, which is all zeros.
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
