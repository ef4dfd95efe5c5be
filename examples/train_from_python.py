"""Train a network, then ask its weights about every test image."""

import archbuilder
from archbuilder.trained.evaluation import predictions

result = archbuilder.train("architectures/quickstart.yaml", overrides=["train.epochs=5"], device="cpu")
print(f"{result.last['test_accuracy']:.2f} % on the test images; report: {result.path}/report.html")

run = archbuilder.open_run(result.path)
network = run.network()  # an ordinary torch.nn.Module in evaluation mode
found = predictions(network, run.splits.test, run.plan.data, run.card.mean, run.card.std, device="cpu")
for index in found.mistakes(3):
    print(f"test image {index} is a {found.labels[index]}, taken for a {found.predicted[index]}")
