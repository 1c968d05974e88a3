# What people have by right of being here, without anybody asking for it.
package provost

roles contains {"name": "staff"} if input.person.type == "employee"

roles contains {"name": "contractor"} if input.person.type == "contractor"

roles contains {"name": "department-member", "parameters": {"department": department}} if {
	input.person.type in {"employee", "contractor"}
	department := data.org.departments[input.person.department].short
}

roles contains {"name": "project-member", "parameters": {"project": "intranet"}} if {
	input.person.type == "employee"
	input.person.department in {"Engineering", "IT"}
}

# A service account exists in the directory, and has nothing there unless a role says so.
accounts contains {"target": "directory"} if input.person.type == "service"

roles contains {"name": "department-head"} if startswith(input.person.title, "Head of ")

entitlements contains {
	"target": "directory",
	"kind": "group",
	"name": "vpn",
	"reason": "works away from the offices",
} if {
	input.person.type in {"employee", "contractor"}
	location := input.person.location
	not data.org.offices[location]
}
