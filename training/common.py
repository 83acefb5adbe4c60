"""Shared parts: stub reader, GPT-2 BPE, whisper.cpp's log-mel, the Whisper network (torch)."""
import os, re, struct
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F

# Only its vocabulary and mel filters are used (it has no weights): whisper.cpp's models/for-tests-ggml-tiny.en.bin.
SHARED = os.environ.get("HARK_SHARED", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../shared"))
STUB = os.environ.get("WHISPER_VOCAB", os.path.join(SHARED, "models/stt/for-tests-ggml-tiny.en.bin"))
EOT, SOT, NOSP, NOT, BEG = 50256, 50257, 50361, 50362, 50363
N_VOCAB, NL = 51864, 198                                        # NL = "\n", stands for "nothing said" when blanks are suppressed


def read_stub(path=STUB):
    b = open(path, "rb").read()
    o = 48
    nm, nf = struct.unpack_from("<2i", b, o); o += 8
    filt = np.frombuffer(b, "<f4", nm * nf, o).reshape(nm, nf).copy(); o += 4 * nm * nf
    nv, = struct.unpack_from("<i", b, o); o += 4
    v0 = o; toks = []
    for _ in range(nv):
        n, = struct.unpack_from("<i", b, o); o += 4
        toks.append(b[o:o + n]); o += n
    return filt, toks, b[v0 - 4:o]          # filters, tokens, raw vocab section


class Tokenizer:
    """GPT-2 byte-level BPE; a token's id is its merge rank (exact for ASCII text)."""
    PAT = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+")

    def __init__(self, toks):
        self.toks = toks; self.rank = {}
        for i, t in enumerate(toks[:50256]): self.rank.setdefault(t, i)
        self.cache = {}

    def word(self, w):
        if w in self.cache: return self.cache[w]
        p = [bytes([c]) for c in w]
        while len(p) > 1:
            r = [self.rank.get(p[i] + p[i + 1], 1 << 30) for i in range(len(p) - 1)]
            i = int(np.argmin(r))
            if r[i] == 1 << 30: break
            p[i:i + 2] = [p[i] + p[i + 1]]
        self.cache[w] = out = [self.rank[x] for x in p]
        return out

    def encode(self, s):
        return [t for m in self.PAT.findall(s) for t in self.word(m.encode())]

    def decode(self, ids):
        return b"".join(self.toks[i] for i in ids if i < EOT).decode("utf8", "replace")


HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)).astype(np.float32)


def mel_power(x, filt):
    """float32 wave -> mel power [frames, 80], framed as whisper.cpp does (frame i centred on sample 160*i)"""
    from scipy.fft import rfft
    x = np.pad(x, (200, 200))
    n = (len(x) - 400) // 160 + 1
    fr = np.lib.stride_tricks.as_strided(x, (n, 400), (x.strides[0] * 160, x.strides[0])) * HANN
    s = rfft(fr, axis=1)
    return (s.real ** 2 + s.imag ** 2).astype(np.float32) @ filt.T


def finish(p):
    """mel power (batch, frames, 80) -> whisper input: log10, clamp to max-8, scale"""
    l = torch.log10(torch.clamp(p, min=1e-10))
    m = l.amax(dim=(1, 2), keepdim=True)
    return (torch.maximum(l, m - 8.0) + 4.0) / 4.0


def sinusoids(n, d):
    inc = np.log(10000) / (d // 2 - 1)
    t = np.arange(n)[:, None] * np.exp(-inc * np.arange(d // 2))[None]
    return torch.tensor(np.concatenate([np.sin(t), np.cos(t)], 1), dtype=torch.float32)


class Attn(nn.Module):
    def __init__(self, d, h):
        super().__init__(); self.h = h
        self.query = nn.Linear(d, d); self.key = nn.Linear(d, d, bias=False); self.value = nn.Linear(d, d); self.out = nn.Linear(d, d)

    def forward(self, x, y=None, causal=False, drop=0.0):
        y = x if y is None else y
        B, T, D = x.shape; S = y.shape[1]; h = self.h
        q = self.query(x).view(B, T, h, D // h).transpose(1, 2)
        k = self.key(y).view(B, S, h, D // h).transpose(1, 2)
        v = self.value(y).view(B, S, h, D // h).transpose(1, 2)
        o = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.out(o.transpose(1, 2).reshape(B, T, D))


class Block(nn.Module):
    def __init__(self, d, h, cross):
        super().__init__()
        self.attn_ln = nn.LayerNorm(d); self.attn = Attn(d, h)
        self.cross = cross
        if cross: self.cross_attn_ln = nn.LayerNorm(d); self.cross_attn = Attn(d, h)
        self.mlp_ln = nn.LayerNorm(d); self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU("tanh"), nn.Linear(4 * d, d))

    def forward(self, x, xa=None, p=0.0):
        dr = lambda t: F.dropout(t, p, self.training) if p else t
        x = x + dr(self.attn(self.attn_ln(x), causal=self.cross))
        if self.cross: x = x + dr(self.cross_attn(self.cross_attn_ln(x), xa))
        return x + dr(self.mlp(self.mlp_ln(x)))


class Encoder(nn.Module):
    def __init__(self, d, h, n):
        super().__init__()
        self.conv1 = nn.Conv1d(80, d, 3, padding=1); self.conv2 = nn.Conv1d(d, d, 3, stride=2, padding=1)
        self.register_buffer("positional_embedding", sinusoids(1500, d))
        self.blocks = nn.ModuleList([Block(d, h, False) for _ in range(n)]); self.ln_post = nn.LayerNorm(d)

    def forward(self, mel, p=0.0):                       # mel: B, 80, T
        x = F.gelu(self.conv1(mel), approximate="tanh"); x = F.gelu(self.conv2(x), approximate="tanh")
        x = x.transpose(1, 2)
        x = x + self.positional_embedding[: x.shape[1]].to(x.dtype)
        for b in self.blocks: x = b(x, p=p)
        return self.ln_post(x)


class Decoder(nn.Module):
    def __init__(self, d, h, n, used):
        super().__init__()
        self.token_embedding = nn.Embedding(len(used), d)
        self.positional_embedding = nn.Parameter(torch.zeros(448, d))
        self.blocks = nn.ModuleList([Block(d, h, True) for _ in range(n)]); self.ln = nn.LayerNorm(d)
        # Unused vocabulary rows are zero vectors, so each adds exp(0) to the softmax sum. Start the used rows
        # about 12 above that with a constant direction u shared by ln.bias and the embeddings.
        u = torch.sign(torch.randn(d))
        with torch.no_grad():
            self.token_embedding.weight.copy_(0.05 * u + 0.05 * torch.randn(len(used), d))
            self.positional_embedding.copy_(-0.05 * u + 0.02 * torch.randn(448, d))
            self.ln.bias.copy_(u * 12 / (0.05 * d))

    def forward(self, t, xa, p=0.0):
        x = self.token_embedding(t) + self.positional_embedding[: t.shape[1]]
        x = x.to(xa.dtype)
        for b in self.blocks: x = b(x, xa, p)
        with torch.autocast(x.device.type, enabled=False):               # logits in fp32
            return F.linear(F.layer_norm(x.float(), (x.shape[-1],), self.ln.weight.float(), self.ln.bias.float()), self.token_embedding.weight.float())


class Whisper(nn.Module):
    def __init__(self, d, h, ne, nd, used, n_phones):
        super().__init__()
        self.cfg = dict(d=d, h=h, ne=ne, nd=nd); self.used = list(used); self.n_unused = N_VOCAB - len(used)
        self.encoder = Encoder(d, h, ne); self.decoder = Decoder(d, h, nd, used)
        self.ctc = nn.Linear(d, n_phones + 1)            # training aid only, not exported

    def logz(self, lg):                                  # log-sum-exp over the full vocabulary of 51864
        z = torch.logsumexp(lg, -1)
        return torch.logaddexp(z, torch.full_like(z, float(np.log(self.n_unused))))
