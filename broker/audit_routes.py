"""Whether the audit log holds, for callers with a key of ours."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from broker.audit_chain import Kind
from broker.services import Called

router = APIRouter()


class FindingView(BaseModel):
    """Something that is not as it was written."""

    kind: Kind
    subject: str = Field(description="The record, intent, trade or file it is about", examples=["record 4"])
    message: str = Field(examples=["record 4 was deleted; record 5 can therefore not be checked by itself"])


class AuditView(BaseModel):
    """The result of looking at all of it. Without findings, nothing was changed, deleted, cut off or re-ordered."""

    records: int = Field(examples=[41])
    whole: bool = Field(examples=[True])
    findings: list[FindingView]


@router.get("/audit/verify")
async def verify_audit(services: Called) -> AuditView:
    """Look at the whole audit log now; a long one takes seconds."""
    verification = await services.auditor.verify()
    findings = [FindingView(**vars(each)) for each in verification.findings]
    return AuditView(records=verification.records, whole=not findings, findings=findings)
