"""The trained model of a pair: logistic regression with one weight a feature, readable JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from core.errors import ModelError
from core.ids import digest
from correlator.context import NAMES
from correlator.features import FEATURES, Feature
from correlator.known import NAMES as KNOWN_NAMES

HERE = Path(__file__).parent
MODEL = HERE / "model.json"
RARITY = HERE / "rarity.json"


@dataclass(frozen=True)
class PairModel:
    """Weights in log-odds (natural logarithm) a unit of each feature.

    ``idf``: rarity in bits of each stem of the training texts. ``average_share``: how much the
    average pair counts against the best pair when two groups are compared, in [0, 1]; .6 is best on
    the train part (B-cubed F1 .832, at .5 .830, at .8 .828) and keeps dense evenings apart.
    ``context``: weights of what the other records of a component say (``context.NAMES``).
    ``known``: weights of the chance that 102 knows of an event without report (``known.NAMES``).
    ``digest``: of the data it was trained on.
    """

    bias: float
    weights: dict[str, float]
    idf: dict[str, float]
    average_share: float = 0.6
    context: dict[str, float] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)
    digest: str = "untrained"

    @cached_property
    def terms(self) -> tuple[tuple[float, Feature], ...]:
        """The features that count, with their weights."""
        return tuple((self.weights[name], f) for name, f in FEATURES.items() if self.weights[name])

    @cached_property
    def content(self) -> str:
        """Digest of all that a judgement depends on."""
        return digest("pair model", json.dumps(asdict(self), sort_keys=True))

    @classmethod
    def load(cls, path: Path = MODEL, rarity: Path = RARITY) -> PairModel:
        """Read the model that the project ships; raises ModelError with the remedy."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            idf = json.loads(rarity.read_text(encoding="utf-8"))
            model = cls(
                bias=float(values["bias"]),
                weights={str(k): float(v) for k, v in values["weights"].items()},
                idf={str(k): float(v) for k, v in idf.items()},
                average_share=float(values["average_share"]),
                context={str(k): float(v) for k, v in values["context"].items()},
                known={str(k): float(v) for k, v in values["known"].items()},
                digest=str(values["digest"]),
            )
        except OSError as error:
            raise ModelError(
                f"{error.filename}: cannot be read ({error.strerror}); restore it or train anew"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{path}: is no pair model ({error!r}); train it anew") from error
        unknown = sorted(
            set(model.weights) ^ set(FEATURES)
            | set(model.context) ^ set(NAMES)
            | set(model.known) ^ set(KNOWN_NAMES)
        )
        if unknown:
            raise ModelError(f"{path}: features differ from the code's: {unknown}; train it anew")
        return model

    def save(self, path: Path = MODEL, rarity: Path = RARITY) -> None:
        """Write both files."""
        values = asdict(self)
        idf = values.pop("idf")
        values["weights"] = {k: round(v, 4) for k, v in self.weights.items()}
        values["bias"] = round(self.bias, 4)
        values["context"] = {k: round(v, 4) for k, v in self.context.items()}
        values["known"] = {k: round(v, 4) for k, v in self.known.items()}
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        rows = ",\n".join(
            f"{json.dumps(k, ensure_ascii=False)}: {round(v, 2)}" for k, v in sorted(idf.items())
        )
        rarity.write_text("{" + rows + "}\n", encoding="utf-8")
