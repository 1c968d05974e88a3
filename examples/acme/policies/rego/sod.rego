# Segregation of duties: what nobody may hold together.
package provost

import data.duties

violations contains {
	"rule": "payments-four-eyes",
	"message": "enters payments and can release them as well",
	"enforcement": "report",
	"entitlements": ["billing/role/payments_rw", "billing/role/payments_approve"],
} if {
	"billing/role/payments_rw" in duties.effective
	"billing/role/payments_approve" in duties.effective
}

# The side that yields is the one that is named.
violations contains {
	"rule": "auditors-do-not-post",
	"message": "an auditor enters no payments",
	"enforcement": "withhold",
	"entitlements": ["billing/role/payments_rw"],
} if {
	"billing/role/audit_ro" in duties.effective
	"billing/role/payments_rw" in duties.effective
}
