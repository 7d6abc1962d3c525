import pegel

with pegel.Writer("tank", level=pegel.f64("m"), rain=pegel.bool_(), note=pegel.text(24)) as writer:
    writer.publish(level=3.21, rain=True, note="rising")

with pegel.Reader("tank") as reader:
    tank = reader.read()
    print(f"{tank['level']} m, {tank['note']}, {tank.age} s old")
