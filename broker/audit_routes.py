"""Whether the audit log holds, for callers with a key of ours."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from broker.audit_chain import Kind
from broker.auditor import Auditor


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


def audit_routes(auditor_of: Callable[[Request], Auditor]) -> APIRouter:
    """`auditor_of` gives it to a caller with a key, and refuses everybody else."""
    router = APIRouter()

    @router.get("/audit/verify")
    async def verify_audit(auditor: Annotated[Auditor, Depends(auditor_of)]) -> AuditView:
        """Look at the whole audit log now; a long one takes seconds."""
        verification = await auditor.verify()
        findings = [FindingView(**vars(each)) for each in verification.findings]
        return AuditView(records=verification.records, whole=not findings, findings=findings)

    return router
