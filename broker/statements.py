"""A signed statement as it arrives: who says they signed, what they signed, and the signature. Not yet believed."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from pilothouse.signing import Statement

PublicKey = Annotated[str, StringConstraints(pattern=r"^04[0-9a-f]{128}$")]
Signature = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
Nonce = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,30}$")]
Detail = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]  # PostgreSQL cannot hold NUL


class SignedStatement(BaseModel):
    """One decision of one person, signed. Only `Approvers.accept` turns it into something that counts."""

    model_config = ConfigDict(extra="forbid")

    public_key: PublicKey = Field(description="Of the approver; P-256, uncompressed point in hex")
    subject: str = Field(max_length=64, description="The hash of an intent, or the id of what it is about")
    decision: Word = Field(examples=["approve"])
    nonce: Nonce = Field(description="Random; good once")
    expires_at: AwareDatetime = Field(description="Minutes from now: it is worth nothing afterwards")
    details: dict[Word, Detail] = Field(default_factory=dict[str, str], max_length=5)
    signature: Signature = Field(description="r and s in hex, over the statement's canonical text")

    @property
    def statement(self) -> Statement:
        """What was signed, if it was signed."""
        return Statement(self.subject, self.decision, self.nonce, self.expires_at, self.details)
