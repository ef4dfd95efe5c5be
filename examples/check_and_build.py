"""Check a network without torch, then build it and look at one of its layers."""

import archbuilder

report = archbuilder.check("architectures/c1c2c3c40.yaml")
print(f"{report.name}: {report.facts.params:,} parameters, receptive field {report.facts.field.size}")
for limit in report.limits:
    print(f"{limit.limit.name} {limit.limit.text}: {limit.value:,}, {limit.left:,} left")

network = archbuilder.build(report.graph)
print(network.C1.dilated.conv)
