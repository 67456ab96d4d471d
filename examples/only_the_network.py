"""A HybReNet as a torch module, trained by a loop of your own: nothing else of the library."""

import torch
from torch.nn.functional import cross_entropy

from deepreshape.design import parse
from deepreshape.learn.training.nets import build

images, labels = torch.randn(64, 3, 32, 32), torch.randint(10, (64,))  # yours in their place

net = build(parse("HRN-2x5x3x(m=4)-C1-T234", 32, 10), seed=1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for step in range(4):
    loss = cross_entropy(net(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step + 1}: loss {loss.item():.3f}")
torch.save(net.state_dict(), "only_the_network.pt")
