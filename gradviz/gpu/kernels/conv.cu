// A convolution as a matrix product: the numbers each position of the kernel sees, written out as columns, and back.
//
//     cols[c, kd, kh, kw, n, od, oh, ow] = x[n, c, od * SD - PD + kd * LD, oh * SH - PH + kh * LH, ow * SW - PW + kw * LW]
//
// with 0 outside the picture; L is the dilation. Lines and pictures are volumes of depth (and height) 1.
// K. Chellapilla, S. Puri, P. Simard: High performance convolutional neural networks for document processing. 2006.

#define SIZES \
    int C, int D, int H, int W, int KD, int KH, int KW, int OD, int OH, int OW, int SD, int SH, int SW, int PD, int PH, \
        int PW, int LD, int LH, int LW

// One thread for each channel, sample and position of the output: neighbours write neighbouring numbers.
extern "C" __global__ void im2col(const T* x, T* cols, int N, SIZES) {
    long long places = (long long)N * OD * OH * OW, i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= C * places) return;
    int ow = i % OW, oh = i / OW % OH, od = i / ((long long)OW * OH) % OD;
    int n = i % places / ((long long)OW * OH * OD), c = i / places;
    const T* picture = x + ((long long)n * C + c) * D * H * W;
    T* out = cols + c * places * KD * KH * KW + i % places;
    for (int kd = 0; kd < KD; ++kd) {
        int d = od * SD - PD + kd * LD;
        for (int kh = 0; kh < KH; ++kh) {
            int h = oh * SH - PH + kh * LH;
            for (int kw = 0; kw < KW; ++kw, out += places) {
                int w = ow * SW - PW + kw * LW;
                bool inside = d >= 0 && d < D && h >= 0 && h < H && w >= 0 && w < W;
                *out = inside ? picture[((long long)d * H + h) * W + w] : T(0);
            }
        }
    }
}

// The adjoint: each number of x gathers what it was copied to, so that no two threads write to one place, and the order of
// the sum is always the same.
extern "C" __global__ void col2im(const T* cols, T* x, int N, SIZES) {
    long long places = (long long)N * OD * OH * OW, i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (long long)N * C * D * H * W) return;
    int w = i % W, h = i / W % H, d = i / ((long long)W * H) % D;
    int c = i / ((long long)W * H * D) % C, n = i / ((long long)W * H * D * C);
    A sum = A(0);
    for (int kd = 0; kd < KD; ++kd) {
        int od = d + PD - kd * LD;
        if (od < 0 || od % SD || od / SD >= OD) continue;
        for (int kh = 0; kh < KH; ++kh) {
            int oh = h + PH - kh * LH;
            if (oh < 0 || oh % SH || oh / SH >= OH) continue;
            for (int kw = 0; kw < KW; ++kw) {
                int ow = w + PW - kw * LW;
                if (ow < 0 || ow % SW || ow / SW >= OW) continue;
                long long row = (((long long)c * KD + kd) * KH + kh) * KW + kw;
                sum += A(cols[row * places + (((long long)n * OD + od / SD) * OH + oh / SH) * OW + ow / SW]);
            }
        }
    }
    x[i] = T(sum);
}
