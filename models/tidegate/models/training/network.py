"""The trained network: MiniLM, every linear layer of the encoder tuned, and a small head over pooled tokens.

Training moves whole weight matrices; what is stored of each is its change, in eight bits with a scale per row. A change
is small beside the weight, so the rounding is too: cut to rank 64 instead, at half the size, the average precision of
self-harm fell by 0.02. `export.graph` builds the same network without torch; the parity test holds the two together.
"""

from typing import Final

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from tidegate.models.encoder import EncoderOrigin

_LARGEST_INT8: Final = 127

LINEARS: Final = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
"""The linear layers of one encoder layer that carry a delta; names are the checkpoint's."""


class TunedLinear(nn.Module):
    """A linear layer that remembers the weights that it started from."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("start", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)
        self.weight = nn.Parameter(weight.clone())

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] → [..., out]."""
        return functional.linear(x, self.weight, self.bias)

    def change(self) -> tuple[Tensor, Tensor]:
        """Returns what training changed: int8 [out, in], and the float32 scale of each row [out]."""
        change = (self.weight - self.start).detach()
        scale = change.abs().amax(dim=1).clamp(min=1e-12) / _LARGEST_INT8
        return (change / scale[:, None]).round().to(torch.int8), scale


class Layer(nn.Module):
    """One BERT encoder layer with post-normalisation."""

    def __init__(self, state: dict[str, Tensor], prefix: str, origin: EncoderOrigin) -> None:
        super().__init__()
        self.heads, self.eps = origin.heads, origin.layer_norm_eps
        self.linears = nn.ModuleDict(
            {
                name.replace(".", "_"): TunedLinear(state[f"{prefix}.{name}.weight"], state[f"{prefix}.{name}.bias"])
                for name in LINEARS
            },
        )
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            for part in ("weight", "bias"):
                buffer = f"{name}_{part}".replace(".", "_")
                self.register_buffer(buffer, state[f"{prefix}.{name}.{part}"], persistent=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, T, H] and an additive mask [B, 1, 1, T] → [B, T, H]."""
        batch, length, hidden = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, length, self.heads, -1).transpose(1, 2)

        query, key, value = (split(self.linears[f"attention_self_{name}"](x)) for name in ("query", "key", "value"))
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        context = context.transpose(1, 2).reshape(batch, length, hidden)
        x = self._norm(x + self.linears["attention_output_dense"](context), "attention_output_LayerNorm")
        inner = functional.gelu(self.linears["intermediate_dense"](x))
        return self._norm(x + self.linears["output_dense"](inner), "output_LayerNorm")

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias")
        return functional.layer_norm(x, (x.shape[-1],), weight, bias, self.eps)


class HarmNetwork(nn.Module):
    """Token ids and mask [B, T] → one logit per head [B, heads]."""

    def __init__(self, origin: EncoderOrigin, *, outputs: int, layers: int, head_width: int) -> None:
        super().__init__()
        state = load_file(origin.weights_path())
        self.eps = origin.layer_norm_eps
        for part in ("word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm"):
            self.register_buffer(part, state[f"embeddings.{part}.weight"], persistent=False)
        self.register_buffer("LayerNorm_bias", state["embeddings.LayerNorm.bias"], persistent=False)
        self.layers = nn.ModuleList(Layer(state, f"encoder.layer.{number}", origin) for number in range(layers))
        self.hidden = nn.Linear(2 * origin.hidden, head_width)
        self.logits = nn.Linear(head_width, outputs)
        self.dropout = nn.Dropout(0.1)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[B, T] int64 and [B, T] int64 → [B, outputs] float32."""
        x = self.word_embeddings[ids] + self.position_embeddings[: ids.shape[1]] + self.token_type_embeddings[0]
        x = functional.layer_norm(x, (x.shape[-1],), self.LayerNorm, self.LayerNorm_bias, self.eps)
        keep = mask[:, :, None].to(x.dtype)
        additive = (1.0 - mask[:, None, None, :].to(x.dtype)) * -1e4
        for layer in self.layers:
            x = layer(self.dropout(x), additive)
        mean = (x * keep).sum(1) / keep.sum(1)
        peak = (x + (1.0 - keep) * -1e4).amax(1)
        pooled = self.dropout(torch.cat([mean, peak], dim=1))
        return self.logits(self.dropout(functional.relu(self.hidden(pooled))))

    def stored(self) -> dict[str, Tensor]:
        """Returns what is kept of the network: changes of the encoder, and the head in half precision."""
        kept = {
            "head.hidden.weight": self.hidden.weight.half(),
            "head.hidden.bias": self.hidden.bias.half(),
            "head.logits.weight": self.logits.weight.half(),
            "head.logits.bias": self.logits.bias.half(),
        }
        for number, layer in enumerate(self.layers):
            for name in LINEARS:
                change, scale = layer.linears[name.replace(".", "_")].change()
                kept[f"encoder.layer.{number}.{name}.change"] = change
                kept[f"encoder.layer.{number}.{name}.scale"] = scale
        return {name: tensor.detach().clone().contiguous() for name, tensor in kept.items()}

    def load_stored(self, stored: dict[str, Tensor]) -> None:
        """Takes over what `stored` returned, and so rounds the network to it."""
        with torch.no_grad():
            for part in ("hidden", "logits"):
                for kind in ("weight", "bias"):
                    getattr(getattr(self, part), kind).copy_(stored[f"head.{part}.{kind}"])
            for number, layer in enumerate(self.layers):
                for name in LINEARS:
                    linear = layer.linears[name.replace(".", "_")]
                    prefix = f"encoder.layer.{number}.{name}"
                    change = stored[f"{prefix}.change"].float() * stored[f"{prefix}.scale"][:, None]
                    linear.weight.copy_(linear.start + change)
