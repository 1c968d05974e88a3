# What is asked for always exists, also where no policy asks for anything.
package provost

roles contains role if some role in []

accounts contains account if some account in []

violations contains violation if some violation in []

entitlements contains entitlement if some entitlement in []

# Everything together: what the rules share is computed once.
__decision := {"roles": roles, "accounts": accounts, "entitlements": entitlements, "violations": violations}
